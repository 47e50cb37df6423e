using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using PipeWs.Server.Rooms;

namespace PipeWs.Server.Diagnostics;

/// <summary>Answers with a hub's statistics.</summary>
internal sealed class StatisticsEndpoint(IWsHub hub)
{
    private const int DefaultRooms = 100;
    private const int MaxRooms = 10_000;

    // What an application maps may be asked every second, by every page that is open.
    private static readonly JsonWriterOptions s_json = new() { SkipValidation = true };

    public async Task OnRequestAsync(HttpContext context)
    {
        IQueryCollection query = context.Request.Query;
        if (!TryReadRooms(query["rooms"], out int rooms))
        {
            await RefuseAsync(context, $"rooms is a number from 0 to {MaxRooms}.");
            return;
        }

        string? room = query["room"];
        if (room is not null && !RoomRegistry.IsValidName(room))
        {
            await RefuseAsync(context, $"room is a room's name, 1 to {RoomRegistry.MaxNameBytes} bytes of UTF-8.");
            return;
        }

        HttpResponse response = context.Response;
        response.ContentType = "application/json; charset=utf-8";
        response.Headers.CacheControl = "no-store";
        WsHubStatistics statistics = hub.GetStatistics(rooms, room);
        var json = new Utf8JsonWriter(response.BodyWriter, s_json);
        await using (json.ConfigureAwait(false))
        {
            StatisticsJson.Write(json, statistics);
        }

        await response.BodyWriter.FlushAsync(context.RequestAborted);
    }

    private static bool TryReadRooms(StringValues text, out int rooms)
    {
        rooms = DefaultRooms;
        return text.Count == 0 || (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out rooms) && rooms <= MaxRooms);
    }

    private static Task RefuseAsync(HttpContext context, string reason)
    {
        context.Response.StatusCode = StatusCodes.Status400BadRequest;
        context.Response.ContentType = "text/plain; charset=utf-8";
        return context.Response.WriteAsync(reason, context.RequestAborted);
    }
}
