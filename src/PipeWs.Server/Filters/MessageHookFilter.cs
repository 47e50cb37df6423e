using PipeWs.Server.Hooks;

namespace PipeWs.Server.Filters;

/// <summary>Asks the hooks of messages, in front of every filter.</summary>
internal sealed class MessageHookFilter(DecisionHooks<WsMessageContext> hooks, HubHooks owner) : IWsMessageFilter
{
    public ValueTask InvokeAsync(WsMessageContext context, WsMessageDelegate next)
    {
        if (!context.IsFirstPart)
        {
            // The first was let through: what follows a refused one does not come here.
            return next(context);
        }

        ValueTask<WsDecision> asked = hooks.AskAsync(context);
        return asked.IsCompletedSuccessfully ? Go(context, next, asked.Result) : GoAwaited(asked, context, next);
    }

    private ValueTask Go(WsMessageContext context, WsMessageDelegate next, in WsDecision decision)
    {
        if (!decision.IsRefused)
        {
            return next(context);
        }

        owner.Refused(context, decision);
        return context.RefuseAsync(decision.Code, decision.Reason!);
    }

    private async ValueTask GoAwaited(ValueTask<WsDecision> asked, WsMessageContext context, WsMessageDelegate next) => await Go(context, next, await asked);
}
