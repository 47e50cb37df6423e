using System.Buffers;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using PipeWs.Server;

namespace PipeWs.Demo.Identity;

/// <summary>Makes the tokens of the desk's users, and says which of them the hub takes. The key lives as long as the process, and so do the tokens at most.</summary>
/// <param name="time">Dates the tokens.</param>
/// <param name="lifetime">How long one is good.</param>
public sealed class DeskTokens(TimeProvider time, TimeSpan lifetime)
{
    private const string Name = "pipews-desk";
    private const string Algorithm = "HS256";

    private readonly byte[] _key = RandomNumberGenerator.GetBytes(32);

    /// <summary>How long a token is good.</summary>
    public TimeSpan Lifetime => lifetime;

    /// <summary>Makes a token. RFC 7519.</summary>
    /// <param name="user">Whose it is.</param>
    public string Create(string user)
    {
        DateTimeOffset now = time.GetUtcNow();
        byte[] header = Json(json => json.WriteString("alg"u8, Algorithm));
        byte[] claims = Json(json =>
        {
            json.WriteString("iss"u8, Name);
            json.WriteString("aud"u8, Name);
            json.WriteString("sub"u8, user);
            json.WriteString("name"u8, user);
            json.WriteNumber("iat"u8, now.ToUnixTimeSeconds());

            // Rounded up, so that it is good for as long as it is said to be.
            json.WriteNumber("exp"u8, (long)Math.Ceiling((now + lifetime).ToUnixTimeMilliseconds() / 1000.0));
        });
        string signed = $"{Base64Url.EncodeToString(header)}.{Base64Url.EncodeToString(claims)}";
        return $"{signed}.{Base64Url.EncodeToString(HMACSHA256.HashData(_key, Encoding.ASCII.GetBytes(signed)))}";
    }

    /// <summary>Lets a hub take these tokens and no others.</summary>
    public void Configure(WsJwtOptions options)
    {
        options.Keys.Add(WsJwtKey.Hmac(_key, Algorithm));
        options.ValidIssuers.Add(Name);
        options.ValidAudiences.Add(Name);
    }

    private static byte[] Json(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using var json = new Utf8JsonWriter(buffer);
        json.WriteStartObject();
        write(json);
        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenSpan.ToArray();
    }
}
