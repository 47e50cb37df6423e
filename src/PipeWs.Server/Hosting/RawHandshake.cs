using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using PipeWs.Protocol.Handshake;

namespace PipeWs.Server;

/// <summary>The handshake on a connection with no HTTP beneath: what the fast and the handler door share.</summary>
internal static class RawHandshake
{
    // A socket closed with bytes unread resets the connection, and the peer may lose the answer. RFC 9112, section 9.6.
    private static readonly TimeSpan Linger = TimeSpan.FromMilliseconds(500);

    /// <summary>
    /// Reads the request, without consuming a byte. Where the verdict is <see cref="HandshakeReadStatus.NotOurs"/>, everything is left to be read again from the start.
    /// </summary>
    /// <returns>Null where the request did not come: the connection ended, or is asked to end.</returns>
    public static async ValueTask<HandshakeReadStatus?> ReadAsync(ConnectionContext connection, HandshakeRequestReader reader, TimeSpan timeout, TimeProvider clock)
    {
        PipeReader input = connection.Transport.Input;
        if (input.TryRead(out ReadResult result) && Look(input, reader, result, out HandshakeReadStatus? verdict))
        {
            return verdict;
        }

        CancellationToken closeRequested = CloseRequested(connection);
        using var patience = new CancellationTokenSource(timeout, clock);
        using CancellationTokenRegistration stop = closeRequested.UnsafeRegister(static source => ((CancellationTokenSource)source!).Cancel(), patience);
        try
        {
            do
            {
                result = await input.ReadAsync(patience.Token);
            }
            while (!Look(input, reader, result, out verdict));

            return verdict;
        }
        catch (OperationCanceledException) when (patience.IsCancellationRequested)
        {
            return closeRequested.IsCancellationRequested ? null : HandshakeReadStatus.Incomplete;
        }
        catch (Exception exception) when (exception is ConnectionResetException or ConnectionAbortedException or IOException)
        {
            return null;
        }
    }

    /// <summary>Judges what was read and hands the connection to the hub, or refuses it.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="reader">The reader that read the request.</param>
    /// <param name="status">Its verdict, or <see cref="HandshakeReadStatus.Incomplete"/> where time ran out.</param>
    /// <param name="door">The hub's door; null where no hub is at the path.</param>
    /// <param name="logger">Logs a refusal where <paramref name="door"/> is null.</param>
    public static Task AnswerAsync(ConnectionContext connection, HandshakeRequestReader reader, HandshakeReadStatus status, HubDoor? door, HubDoor logger)
    {
        HandshakeRequest request = reader.Request;
        bool isSecure = connection.Features.Get<ITlsHandshakeFeature>() is not null;
        HandshakeRefusal refusal = status switch
        {
            HandshakeReadStatus.Incomplete => HandshakeRefusal.Timeout,
            HandshakeReadStatus.Malformed => reader.Refusal,
            _ when door is null => HandshakeRefusal.UnknownPath,
            _ => door.Check(request, isSecure, connection.LocalEndPoint),
        };
        HubDoor.Admission admission = default;
        if (!refusal.IsRefused)
        {
            refusal = door!.TryAdmit(connection.RemoteEndPoint, out admission);
        }

        if (refusal.IsRefused)
        {
            logger.LogRefused(refusal, request.Path, connection.RemoteEndPoint);
            return RefuseAsync(connection, refusal, logger.Clock, mayHaveUnread: status != HandshakeReadStatus.Incomplete);
        }

        return AcceptAsync(connection, reader, door!, isSecure, admission);
    }

    private static async Task AcceptAsync(ConnectionContext connection, HandshakeRequestReader reader, HubDoor door, bool isSecure, HubDoor.Admission admission)
    {
        using (admission)
        {
            HandshakeRequest request = reader.Request;
            string? subprotocol = SubprotocolNegotiator.Select(request.Subprotocols, door.Options.Subprotocols);
            var accepted = new AcceptedConnection(reason => connection.Abort(new ConnectionAbortedException(reason?.Message ?? "The WebSocket connection was aborted.", reason!)))
            {
                Transport = connection.Transport,
                Answer = WriteAnswer(request, subprotocol),
                Path = request.Path,
                Query = request.Query,
                Subprotocol = subprotocol,
                Extensions = request.Extensions,
                RemoteEndPoint = connection.RemoteEndPoint,
                LocalEndPoint = connection.LocalEndPoint,
                IsSecure = isSecure,
                ConnectionFeatures = connection.Features,
                TransportClosed = connection.ConnectionClosed,
                CloseRequested = CloseRequested(connection),
            };

            // Bytes after the blank line stay where they are: the first frames.
            connection.Transport.Input.TryRead(out ReadResult result);
            connection.Transport.Input.AdvanceTo(result.Buffer.GetPosition(reader.HeadLengthBytes));
            try
            {
                await door.Entrance.RunAsync(accepted);
            }
            finally
            {
                accepted.End();
            }
        }
    }

    private static ReadOnlyMemory<byte> WriteAnswer(HandshakeRequest request, string? subprotocol)
    {
        var answer = new ArrayBufferWriter<byte>(subprotocol is null ? 129 : 192);
        HandshakeResponseWriter.WriteAccepted(answer, request.Key, subprotocol);
        return answer.WrittenMemory;
    }

    private static async Task RefuseAsync(ConnectionContext connection, HandshakeRefusal refusal, TimeProvider clock, bool mayHaveUnread)
    {
        try
        {
            HandshakeResponseWriter.WriteRefusal(connection.Transport.Output, refusal);
            await connection.Transport.Output.FlushAsync(connection.ConnectionClosed);
            if (mayHaveUnread)
            {
                using var patience = new CancellationTokenSource(Linger, clock);
                await DiscardAsync(connection.Transport.Input, patience.Token);
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or ConnectionResetException or ConnectionAbortedException or IOException)
        {
            // The peer went first, or kept sending: it has been told, and the connection closes either way.
        }

        await connection.Transport.Output.CompleteAsync();
    }

    private static async Task DiscardAsync(PipeReader input, CancellationToken cancellationToken)
    {
        ReadResult result;
        do
        {
            result = await input.ReadAsync(cancellationToken);
            input.AdvanceTo(result.Buffer.End);
        }
        while (!result.IsCompleted);
    }

    private static bool Look(PipeReader input, HandshakeRequestReader reader, in ReadResult result, out HandshakeReadStatus? verdict)
    {
        HandshakeReadStatus status = reader.Read(result.Buffer);
        if (status == HandshakeReadStatus.Incomplete && !result.IsCompleted)
        {
            input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
            verdict = null;
            return false;
        }

        // Examined no further than consumed: the next read gives all of it again, at once.
        input.AdvanceTo(result.Buffer.Start);
        verdict = status == HandshakeReadStatus.Incomplete ? null : status;
        return true;
    }

    private static CancellationToken CloseRequested(ConnectionContext connection) =>
        connection.Features.Get<IConnectionLifetimeNotificationFeature>()?.ConnectionClosedRequested ?? CancellationToken.None;
}
