using System.Net;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;
using PipeWs.Demo.Desk;

namespace PipeWs.Demo.Tests.Desk;

public partial class DeskPageTests
{
    private static string Root => Path.Combine(AppContext.BaseDirectory, "wwwroot");

    [Theory]
    [InlineData("/", "text/html")]
    [InlineData("/index.html", "text/html")]
    [InlineData("/app.css", "text/css")]
    [InlineData("/app.js", "text/javascript")]
    [InlineData("/theme.js", "text/javascript")]
    [InlineData("/icon.svg", "image/svg+xml")]
    public async Task The_page_is_served_from_beside_the_program_under_a_strict_policy(string path, string mediaType)
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ContentRootPath = Path.GetTempPath() });
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        await using var app = builder.Build();
        app.UseDeskPage();
        await app.StartAsync(TestContext.Current.CancellationToken);
        using var client = new HttpClient { BaseAddress = new Uri(app.Urls.First()) };

        using var response = await client.GetAsync(new Uri(path, UriKind.Relative), TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(mediaType, response.Content.Headers.ContentType?.MediaType);
        Assert.StartsWith("default-src 'self';", Assert.Single(response.Headers.GetValues("Content-Security-Policy")), StringComparison.Ordinal);
        Assert.Equal("nosniff", Assert.Single(response.Headers.GetValues("X-Content-Type-Options")));
        using var missing = await client.GetAsync(new Uri("/../PipeWs.Demo.dll", UriKind.Relative), TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.NotFound, missing.StatusCode);
    }

    [Fact]
    public void Every_file_the_page_names_is_there()
    {
        string html = File.ReadAllText(Path.Combine(Root, "index.html"));
        var named = References().Matches(html).Select(match => match.Groups[1].Value).Where(name => !name.StartsWith('#')).ToList();
        foreach (string script in Directory.GetFiles(Root, "*.js"))
        {
            named.AddRange(Imports().Matches(File.ReadAllText(script)).Select(match => match.Groups[1].Value));
        }

        Assert.Contains("app.js", named);
        Assert.Contains("./connection.js", named);
        Assert.All(named, name => Assert.True(File.Exists(Path.Combine(Root, name)), name));
    }

    [Fact]
    public void Nothing_comes_from_elsewhere_and_nothing_is_inline()
    {
        foreach (string file in Directory.GetFiles(Root, "*", SearchOption.AllDirectories))
        {
            string text = File.ReadAllText(file).Replace("http://www.w3.org/2000/svg", "", StringComparison.Ordinal);
            Assert.DoesNotContain("http://", text, StringComparison.Ordinal);
            Assert.DoesNotContain("https://", text, StringComparison.Ordinal);
        }

        string html = File.ReadAllText(Path.Combine(Root, "index.html"));
        Assert.DoesNotMatch("<script(?![^>]*src=)", html);
        Assert.DoesNotContain("<style", html, StringComparison.Ordinal);
        Assert.DoesNotMatch(" (style|on[a-z]+)=", html);
    }

    [Fact]
    public void Every_element_the_scripts_look_up_is_in_the_page()
    {
        string html = File.ReadAllText(Path.Combine(Root, "index.html"));
        var ids = Directory.GetFiles(Root, "*.js").SelectMany(script => Lookups().Matches(File.ReadAllText(script)).Select(match => match.Groups[1].Value)).ToHashSet();

        Assert.True(ids.Count > 20);
        Assert.All(ids, id => Assert.Contains($"id=\"{id}\"", html, StringComparison.Ordinal));
    }

    [GeneratedRegex("(?:href|src)=\"([^\"]+)\"")]
    private static partial Regex References();

    [GeneratedRegex("from '([^']+)'")]
    private static partial Regex Imports();

    [GeneratedRegex("byId\\('([^']+)'\\)")]
    private static partial Regex Lookups();
}
