using PipeWs.Demo.Alerts;
using PipeWs.Demo.Market;
using PipeWs.Demo.Trading;
using PipeWs.Server;

namespace PipeWs.Demo.Desk;

/// <summary>Tells connections what happened. Never waits for a peer.</summary>
public sealed partial class DeskNotifier(
    IWsHub hub, DeskSessions sessions, IPortfolioService portfolios, ILogger<DeskNotifier> logger) : IDeskNotifier
{
    /// <inheritdoc/>
    public void Traded(Trade trade)
    {
        var owners = sessions.OfUser(trade.User);
        string name = owners.Count > 0 ? owners[0].User.DisplayName : DeskIdentity.DisplayNameOf(trade.User);
        var view = new TradeNotificationView(
            trade.TradeId, name, trade.Order.Symbol.Pair, trade.Order.Side, Exact.Trim(trade.Fill.Quantity), trade.AveragePrice, trade.Reason,
            trade.Time.ToUnixTimeMilliseconds());
        Send(hub.All, DeskJson.Message("trade_notification", view, DeskJson.Default.TradeNotificationView));
        if (owners.Count > 0)
        {
            byte[] portfolio = Portfolio(trade.User);
            foreach (var owner in owners)
            {
                Send(owner.Connection, portfolio);
            }
        }
    }

    /// <inheritdoc/>
    public void Alert(DeskAlert alert) => Send(hub.All, DeskJson.Message("alert", alert, DeskJson.Default.DeskAlert));

    /// <inheritdoc/>
    public void Alert(string user, DeskAlert alert)
    {
        byte[] message = DeskJson.Message("alert", alert, DeskJson.Default.DeskAlert);
        foreach (var session in sessions.OfUser(user))
        {
            Send(session.Connection, message);
        }
    }

    /// <summary>Pushes a session's portfolio, unless the push before is still on its way.</summary>
    public void PushPortfolio(DeskSession session)
    {
        if (session.TryBeginPush())
        {
            _ = PushAsync(session);
        }
    }

    private async Task PushAsync(DeskSession session)
    {
        try
        {
            await session.Connection.SendAsync(Portfolio(session.User.Id), WsMessageType.Text, CancellationToken.None);
        }
#pragma warning disable CA1031 // A peer that is gone is no error of the desk's, and there is nobody to tell.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            LogSendFailed(exception);
        }
        finally
        {
            session.EndPush();
            sessions.ForgetIfGone(session);
        }
    }

    private byte[] Portfolio(string user) => DeskJson.Message("portfolio_update", portfolios.View(user), DeskJson.Default.PortfolioView);

    private void Send(IWsSender to, byte[] message)
    {
        var sent = to.SendAsync(message, WsMessageType.Text, CancellationToken.None);
        if (!sent.IsCompletedSuccessfully)
        {
            _ = SendAwaited(sent);
        }
    }

    private async Task SendAwaited(ValueTask sent)
    {
        try
        {
            await sent;
        }
#pragma warning disable CA1031 // As above.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            LogSendFailed(exception);
        }
    }

    [LoggerMessage(2, LogLevel.Debug, "A message did not reach its connection")]
    private partial void LogSendFailed(Exception exception);
}
