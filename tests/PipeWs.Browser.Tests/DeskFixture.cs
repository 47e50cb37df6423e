using Microsoft.AspNetCore.Builder;
using Microsoft.Playwright;
using PipeWs.Demo.Desk;

namespace PipeWs.Browser.Tests;

/// <summary>The desk on a free port, and a page of a browser that shows it.</summary>
internal sealed class DeskFixture : IAsyncDisposable
{
    private readonly WebApplication _desk;
    private readonly IPlaywright _playwright;
    private readonly IBrowser _browser;

    private DeskFixture(WebApplication desk, IPlaywright playwright, IBrowser browser, IPage page)
    {
        _desk = desk;
        _playwright = playwright;
        _browser = browser;
        Page = page;
    }

    internal IPage Page { get; }

    /// <summary>What the page's console and network complained about.</summary>
    internal List<string> Complaints { get; } = [];

    internal string Url => _desk.Urls.First();

    public async ValueTask DisposeAsync()
    {
        await _browser.DisposeAsync();
        _playwright.Dispose();
        await _desk.DisposeAsync();
    }

    internal static async Task<DeskFixture> OpenAsync(params string[] args)
    {
        Assertions.SetDefaultExpectTimeout(30_000);
        IPlaywright playwright = await Playwright.CreateAsync();
        IBrowser browser = await Chromium.LaunchAsync(playwright);
        WebApplication desk = await DeskApp.BuildAsync(["--urls", "http://127.0.0.1:0", "--status", "false", .. args]);
        await desk.StartAsync();
        IPage page = await browser.NewPageAsync();
        page.SetDefaultTimeout(30_000);
        var fixture = new DeskFixture(desk, playwright, browser, page);
        page.Console += (_, message) =>
        {
            if (message.Type is "error" or "warning")
            {
                fixture.Complaints.Add(message.Text);
            }
        };
        page.PageError += (_, error) => fixture.Complaints.Add(error);
        page.RequestFailed += (_, request) => fixture.Complaints.Add($"{request.Url}: {request.Failure}");
        await page.GotoAsync(fixture.Url);
        return fixture;
    }
}
