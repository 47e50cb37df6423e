using System.Text.Json;
using Microsoft.AspNetCore.Http.Features;
using PipeWs.Demo.Desk;

namespace PipeWs.Demo.Identity;

/// <summary>Where demo users log in. There are no passwords at this desk: whoever gives a name first is as good as whoever gives it next.</summary>
public static class DeskLogin
{
    /// <summary>Where to log in.</summary>
    public static readonly IReadOnlyList<string> Paths = ["/api/v1/login", "/login"];

    private const int MaxBodyBytes = 4096;

    /// <summary>Takes <c>{"user":"ann"}</c> and gives <c>{"token":"...","user":"ann","expiresIn":300}</c>, in seconds.</summary>
    public static void MapDeskLogin(this IEndpointRouteBuilder endpoints)
    {
        foreach (string path in Paths)
        {
            endpoints.MapPost(path, (RequestDelegate)LogInAsync);
        }
    }

    private static async Task LogInAsync(HttpContext context)
    {
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
        {
            size.MaxRequestBodySize = MaxBodyBytes;
        }

        context.Response.Headers.CacheControl = "no-store";
        string? user = null;
        try
        {
            user = (await JsonSerializer.DeserializeAsync(context.Request.Body, DeskJson.Default.LoginRequest, context.RequestAborted))?.User;
        }
        catch (JsonException)
        {
            // Said below, as for a name that is none.
        }

        if (!DeskIdentity.IsName(user))
        {
            await AnswerAsync(context, StatusCodes.Status400BadRequest, new LoginError(DeskIdentity.NameRule), DeskJson.Default.LoginError);
            return;
        }

        DeskTokens tokens = context.RequestServices.GetRequiredService<DeskTokens>();
        var view = new LoginView(tokens.Create(user), user, (long)tokens.Lifetime.TotalSeconds);
        await AnswerAsync(context, StatusCodes.Status200OK, view, DeskJson.Default.LoginView);
    }

    private static Task AnswerAsync<T>(HttpContext context, int status, T view, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> info)
    {
        context.Response.StatusCode = status;
        return context.Response.WriteAsJsonAsync(view, info, contentType: null, context.RequestAborted);
    }
}

/// <summary>Who wants to log in.</summary>
/// <param name="User">A name.</param>
public sealed record LoginRequest(string? User);

/// <summary>Who is logged in.</summary>
/// <param name="Token">To be given with the socket, and before it expires by an <c>auth</c> message.</param>
/// <param name="User">The name.</param>
/// <param name="ExpiresIn">How long the token is good, in seconds.</param>
public sealed record LoginView(string Token, string User, long ExpiresIn);

/// <summary>Why somebody could not log in.</summary>
/// <param name="Error">In plain words.</param>
public sealed record LoginError(string Error);
