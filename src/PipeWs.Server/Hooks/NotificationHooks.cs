namespace PipeWs.Server.Hooks;

/// <summary>Hooks that are told, in order, each after the one before has completed. One that fails keeps none of the others from being told.</summary>
/// <typeparam name="T">What they are told.</typeparam>
internal sealed class NotificationHooks<T>(IEnumerable<Func<T, ValueTask>> hooks, Func<T, Exception, ValueTask> onFailed)
{
    private readonly Func<T, ValueTask>[] _hooks = [.. hooks];

    /// <summary>Tells them. Never throws.</summary>
    public ValueTask TellAsync(T told)
    {
        for (int i = 0; i < _hooks.Length; i++)
        {
            ValueTask pending;
            try
            {
                pending = _hooks[i](told);
            }
            catch (Exception e)
            {
                pending = ValueTask.FromException(e);
            }

            if (!pending.IsCompletedSuccessfully)
            {
                return TellAwaited(pending, told, i);
            }

            pending.GetAwaiter().GetResult();
        }

        return default;
    }

    private async ValueTask TellAwaited(ValueTask pending, T told, int i)
    {
        while (true)
        {
            try
            {
                await pending;
            }
            catch (Exception e)
            {
                await onFailed(told, e);
            }

            if (++i == _hooks.Length)
            {
                return;
            }

            try
            {
                pending = _hooks[i](told);
            }
            catch (Exception e)
            {
                pending = ValueTask.FromException(e);
            }
        }
    }
}
