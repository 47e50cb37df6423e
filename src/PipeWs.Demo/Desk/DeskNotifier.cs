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
        foreach (var owner in owners)
        {
            Watch(SendPortfolio(owner));
            sessions.ForgetIfGone(owner);
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
            await SendPortfolio(session);
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

    /// <summary>Takes the portfolio and sends it in one step: of two threads that do so at once neither sends an older one behind a newer one.</summary>
    private ValueTask SendPortfolio(DeskSession session)
    {
        lock (session.PortfolioGate)
        {
            byte[] portfolio = DeskJson.Message("portfolio_update", portfolios.View(session.User.Id), DeskJson.Default.PortfolioView);
            return session.Connection.SendAsync(portfolio, WsMessageType.Text, CancellationToken.None);
        }
    }

    private void Send(IWsSender to, byte[] message) => Watch(to.SendAsync(message, WsMessageType.Text, CancellationToken.None));

    private void Watch(ValueTask sent)
    {
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
