using PipeWs.Server.Hooks;

namespace PipeWs.Server.Filters;

/// <summary>Tells the hooks of errors what comes out of a raw handler and its filters, and lets it go on: it ends the connection.</summary>
internal sealed class ErrorObserver(HubHooks hooks) : IWsMessageFilter
{
    public ValueTask InvokeAsync(WsMessageContext context, WsMessageDelegate next)
    {
        try
        {
            ValueTask pending = next(context);
            return pending.IsCompletedSuccessfully ? pending : ObserveAsync(pending, context);
        }
        catch (Exception e)
        {
            return ObserveAsync(ValueTask.FromException(e), context);
        }
    }

    private async ValueTask ObserveAsync(ValueTask pending, WsMessageContext context)
    {
        try
        {
            await pending;
        }
        catch (Exception e)
        {
            await hooks.OnErrorAsync(new WsErrorContext(e, WsErrorSource.Message, context.Connection));
            throw;
        }
    }
}
