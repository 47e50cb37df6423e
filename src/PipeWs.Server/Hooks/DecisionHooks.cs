namespace PipeWs.Server.Hooks;

/// <summary>What hooks of one kind may answer with, and what is said where one of them fails.</summary>
/// <param name="Source">Which hooks.</param>
/// <param name="DefaultCode">The code of a refusal that names none.</param>
/// <param name="FailureCode">The code of the refusal that a failing hook amounts to.</param>
/// <param name="IsCode">Whether a code can be sent from here.</param>
internal sealed record DecisionPlace(WsErrorSource Source, int DefaultCode, int FailureCode, Func<int, bool> IsCode);

/// <summary>Hooks that are asked, in order: the first refusal counts, and the others are not asked. A hook that fails refuses.</summary>
/// <typeparam name="T">What they are asked about.</typeparam>
internal sealed class DecisionHooks<T>(
    IEnumerable<Func<T, ValueTask<WsDecision>>> hooks,
    DecisionPlace place,
    Func<T, (IWsConnection Connection, string Action, string? Room)> about,
    HubHooks owner)
{
    private readonly Func<T, ValueTask<WsDecision>>[] _hooks = [.. hooks];

    /// <summary>Asks them. Never throws; the code of a refusal is one that can be sent.</summary>
    public ValueTask<WsDecision> AskAsync(T asked)
    {
        for (int i = 0; i < _hooks.Length; i++)
        {
            WsDecision decision;
            try
            {
                ValueTask<WsDecision> pending = _hooks[i](asked);
                if (!pending.IsCompletedSuccessfully)
                {
                    return AskAwaited(pending, asked, i);
                }

                decision = Judge(pending.Result);
            }
            catch (Exception e)
            {
                return FailedAsync(asked, e);
            }

            if (decision.IsRefused)
            {
                return new ValueTask<WsDecision>(decision);
            }
        }

        return default;
    }

    private async ValueTask<WsDecision> AskAwaited(ValueTask<WsDecision> pending, T asked, int i)
    {
        while (true)
        {
            WsDecision decision;
            try
            {
                decision = Judge(await pending);
                if (decision.IsRefused || ++i == _hooks.Length)
                {
                    return decision;
                }

                pending = _hooks[i](asked);
            }
            catch (Exception e)
            {
                return await FailedAsync(asked, e);
            }
        }
    }

    private WsDecision Judge(WsDecision decision)
    {
        if (!decision.IsRefused)
        {
            return default;
        }

        int code = decision.Code == 0 ? place.DefaultCode : decision.Code;
        return place.IsCode(code)
            ? WsDecision.Refuse(decision.Reason!, code)
            : throw new InvalidOperationException($"A refusal here cannot have the code {code}.");
    }

    private async ValueTask<WsDecision> FailedAsync(T asked, Exception exception)
    {
        (IWsConnection connection, string action, string? room) = about(asked);
        await owner.FailedAsync(new WsErrorContext(exception, place.Source, connection, action, room));
        return WsDecision.Refuse("internal error", place.FailureCode);
    }
}
