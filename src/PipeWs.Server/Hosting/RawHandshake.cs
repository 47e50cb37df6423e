using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using PipeWs.Protocol.Compression;
using PipeWs.Protocol.Handshake;
using PipeWs.Server.Identity;

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
        CancellationToken closeRequested = CloseRequested(connection);
        try
        {
            if (input.TryRead(out ReadResult result) && Look(input, reader, result, out HandshakeReadStatus? verdict))
            {
                return verdict;
            }

            using var patience = new CancellationTokenSource(timeout, clock);
            using CancellationTokenRegistration stop = closeRequested.UnsafeRegister(static source => ((CancellationTokenSource)source!).Cancel(), patience);
            do
            {
                result = await input.ReadAsync(patience.Token);
            }
            while (!Look(input, reader, result, out verdict));

            return verdict;
        }
        catch (ConnectionAbortedException)
        {
            return null;
        }
        catch (OperationCanceledException)
        {
            return closeRequested.IsCancellationRequested ? null : HandshakeReadStatus.Incomplete;
        }
        catch (IOException)
        {
            // A reset: ConnectionResetException is one.
            return null;
        }
    }

    /// <summary>Judges what was read and hands the connection to the hub, or refuses it.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="control">What is kept of it. It has ended when this returns, or the hub serves it and ends it later.</param>
    /// <param name="reader">The reader that read the request.</param>
    /// <param name="status">Its verdict, or <see cref="HandshakeReadStatus.Incomplete"/> where time ran out.</param>
    /// <param name="door">The hub's door; null where no hub is at the path.</param>
    /// <param name="speaker">The door that refuses: <paramref name="door"/>, or any where there is none.</param>
    public static async Task AnswerAsync(
        ConnectionContext connection, RawTransport control, HandshakeRequestReader reader, HandshakeReadStatus status, HubDoor? door, HubDoor speaker)
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
            speaker.LogRefused(refusal, request.Path, connection.RemoteEndPoint);
            await RefuseAsync(connection, refusal, speaker.Clock, isStillSending: status == HandshakeReadStatus.Malformed);
            control.End();
            return;
        }

        // From here on the place is the connection's, and given back at its end.
        control.Admit(admission);
        if (await AuthenticateAsync(connection, control, reader, door!, isSecure) is { } accepted)
        {
            await door!.Entrance.StartAsync(accepted);
        }
        else
        {
            control.End();
        }
    }

    /// <returns>Null where it was refused, or is over.</returns>
    private static async ValueTask<AcceptedConnection?> AuthenticateAsync(ConnectionContext connection, RawTransport control, HandshakeRequestReader reader, HubDoor door, bool isSecure)
    {
        HandshakeRequest request = reader.Request;
        HandshakeIdentity identity = await door.AuthenticateAsync(request, connection, isSecure);
        HandshakeRefusal refusal = control.Judge(identity);
        if (refusal.IsRefused)
        {
            door.LogRefused(refusal, request.Path, connection.RemoteEndPoint);
            await RefuseAsync(connection, refusal, door.Clock, isStillSending: false);
            return null;
        }

        string? subprotocol = SubprotocolNegotiator.Select(identity.Subprotocols, door.Options.Subprotocols);
        string? extensions = door.AgreeOnCompression(request, out DeflateParameters? compression);
        var accepted = new AcceptedConnection(control)
        {
            Transport = door.Options.SendDirectly ? DirectTransport.TakeSocketOf(connection, door.LatencyMode) : connection.Transport,
            Answer = WriteAnswer(request, subprotocol, extensions),
            Path = request.Path,
            Query = identity.Query,
            Subprotocol = subprotocol,
            Compression = compression,
            TraceParent = request.TraceParent,
            TraceState = request.TraceState,
            RemoteEndPoint = connection.RemoteEndPoint,
            LocalEndPoint = connection.LocalEndPoint,
            User = identity.User,
            ExpiresAt = identity.ExpiresAt,
            AwaitsAuthentication = identity.AwaitsAuthentication,
            IsSecure = isSecure,
            ConnectionFeatures = connection.Features,
            Loop = connection.Features.Get<PipeScheduler>(),
            CloseRequested = CloseRequested(connection),
        };
        if (TryConsume(connection.Transport.Input, reader.HeadLengthBytes, out Exception? error))
        {
            return accepted;
        }

        door.LogLost(request.Path, connection.RemoteEndPoint, error);
        return null;
    }

    // Bytes after the blank line stay where they are: the first frames. Where the peer reset the connection meanwhile, the pipe gives that instead.
    private static bool TryConsume(PipeReader input, int lengthBytes, out Exception? error)
    {
        error = null;
        try
        {
            if (!input.TryRead(out ReadResult result))
            {
                return false;
            }

            input.AdvanceTo(result.Buffer.GetPosition(lengthBytes));
            return true;
        }
        catch (Exception exception) when (exception is IOException or OperationCanceledException)
        {
            error = exception;
            return false;
        }
    }

    private static ReadOnlyMemory<byte> WriteAnswer(HandshakeRequest request, string? subprotocol, string? extensions)
    {
        var answer = new ArrayBufferWriter<byte>(subprotocol is null && extensions is null ? 129 : 192);
        HandshakeResponseWriter.WriteAccepted(answer, request.Key, subprotocol, extensions);
        return answer.WrittenMemory;
    }

    private static async Task RefuseAsync(ConnectionContext connection, HandshakeRefusal refusal, TimeProvider clock, bool isStillSending)
    {
        try
        {
            HandshakeResponseWriter.WriteRefusal(connection.Transport.Output, refusal);
            await connection.Transport.Output.FlushAsync(connection.ConnectionClosed);
            if (isStillSending)
            {
                using var patience = new CancellationTokenSource(Linger, clock);
                await DiscardAsync(connection.Transport.Input, patience.Token);
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or IOException)
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
