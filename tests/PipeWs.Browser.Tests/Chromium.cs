using Microsoft.Playwright;

namespace PipeWs.Browser.Tests;

/// <summary>The system's Chromium, headless, or a skipped test that says what to install. Where CI is set it must be there.</summary>
internal static class Chromium
{
    private static readonly string[] s_paths = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome", "/snap/bin/chromium"];

    internal static async Task<IBrowser> LaunchAsync(IPlaywright playwright) => await playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions
    {
        ExecutablePath = Path(),
        Headless = true,
        Args = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
    });

    private static string Path()
    {
        string? path = Array.Find(s_paths, File.Exists);
        if (path is null)
        {
            const string Advice = "Chromium is not installed; on Debian: apt install chromium";
            if (Environment.GetEnvironmentVariable("CI") is { Length: > 0 })
            {
                Assert.Fail(Advice);
            }

            Assert.Skip(Advice);
        }

        return path;
    }
}
