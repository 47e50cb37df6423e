using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.Playwright;

namespace PipeWs.Browser.Tests;

/// <summary>The page of statistics in a real browser.</summary>
public sealed partial class StatisticsPageTests
{
    [Fact]
    public async Task Its_numbers_move_while_the_desk_is_open_beside_it()
    {
        await using DeskFixture desk = await DeskFixture.OpenAsync("--speed", "5");
        await Assertions.Expect(desk.Page.GetByTestId("price-BTC-USDT")).ToHaveTextAsync(Digit());
        IPage stats = await desk.Page.Context.Browser!.NewPageAsync();
        stats.Console += (_, message) => desk.Complaints.AddRange(message.Type is "error" or "warning" ? [message.Text] : []);
        stats.PageError += (_, error) => desk.Complaints.Add(error);
        await stats.GotoAsync(desk.Url + "/stats/");

        await Assertions.Expect(stats.GetByTestId("stats-state")).ToHaveTextAsync("Live");
        await Assertions.Expect(stats.GetByTestId("connections")).ToHaveTextAsync("1");
        ILocator ticker = stats.GetByTestId("rooms").Locator("tr", new() { HasText = "/market/ticker:BTC-USDT" });
        await Assertions.Expect(ticker.Locator("td").First).ToHaveTextAsync("1");
        await Assertions.Expect(stats.GetByTestId("shards").Locator("tr")).ToHaveCountAsync(Environment.ProcessorCount);
        await Assertions.Expect(stats.GetByTestId("compression")).ToBeHiddenAsync();

        // The room's head and the total of messages grow from one look to the next.
        await Assertions.Expect(stats.GetByTestId("messages-out-total")).Not.ToHaveTextAsync("0 in all");
        long head = await HeadAsync(stats, 0);
        long sent = await NumberAsync(stats.GetByTestId("messages-out-total"));
        Assert.True(sent > 0);
        Assert.True(await HeadAsync(stats, head) > head);
        await Assertions.Expect(stats.GetByTestId("messages-out-total")).Not.ToHaveTextAsync(string.Create(CultureInfo.InvariantCulture, $"{sent:N0} in all"));
        await Assertions.Expect(stats.GetByTestId("messages-out")).Not.ToHaveTextAsync("0.0");
        await Assertions.Expect(stats.GetByTestId("spark").Locator("polyline")).ToHaveAttributeAsync("points", TwoPoints());
        Assert.True(await NumberAsync(stats.GetByTestId("messages-out-total")) > sent);

        // Without the desk's page nobody is connected.
        await desk.Page.CloseAsync();
        await Assertions.Expect(stats.GetByTestId("connections")).ToHaveTextAsync("0");
        await Assertions.Expect(stats.GetByTestId("ends")).ToContainTextAsync("Closed with 100");
        Assert.Empty(desk.Complaints);
    }

    [Fact]
    public async Task What_compression_saves_is_there_where_somebody_compresses()
    {
        await using DeskFixture desk = await DeskFixture.OpenAsync("--speed", "5", "--PipeWs:Compression:Enabled", "true");
        await Assertions.Expect(desk.Page.GetByTestId("price-BTC-USDT")).ToHaveTextAsync(Digit());
        IPage stats = await desk.Page.Context.Browser!.NewPageAsync();
        stats.PageError += (_, error) => desk.Complaints.Add(error);
        await stats.GotoAsync(desk.Url + "/stats/");

        ILocator values = stats.GetByTestId("compression").Locator("dd");
        await Assertions.Expect(values.Nth(0)).ToHaveTextAsync("1");
        await Assertions.Expect(values.Nth(3)).ToHaveTextAsync(SomeNumber());
        await Assertions.Expect(values.Nth(4)).ToHaveTextAsync(SizeOfSize());
        Assert.Empty(desk.Complaints);
    }

    [Fact]
    public async Task It_is_reached_from_the_desk_by_the_keyboard_and_shown_in_either_theme_on_a_phone()
    {
        await using DeskFixture desk = await DeskFixture.OpenAsync("--speed", "5");
        await desk.Page.GetByTestId("stats-link").FocusAsync();
        await desk.Page.Keyboard.PressAsync("Enter");
        await Assertions.Expect(desk.Page.GetByTestId("stats-state")).ToHaveTextAsync("Live");
        await desk.Page.SetViewportSizeAsync(375, 800);
        Assert.True(await desk.Page.EvaluateAsync<bool>("() => document.documentElement.scrollWidth <= window.innerWidth"), "The page is wider than the phone.");

        string light = await BackgroundAsync(desk.Page);
        await desk.Page.GetByTestId("theme-toggle").FocusAsync();
        await desk.Page.Keyboard.PressAsync("Enter");
        Assert.NotEqual(light, await BackgroundAsync(desk.Page));
        await desk.Page.ReloadAsync();
        Assert.NotEqual(light, await BackgroundAsync(desk.Page));
    }

    private static Task<string> BackgroundAsync(IPage page) => page.EvaluateAsync<string>("() => getComputedStyle(document.body).backgroundColor");

    /// <summary>Waits until the ticker's room has more than so many messages. In one look: which row is which room's may change from one painting to the next.</summary>
    private static async Task<long> HeadAsync(IPage stats, long before)
    {
        IJSHandle head = await stats.WaitForFunctionAsync(
            """
            before => {
              const rows = [...document.querySelector('[data-testid=rooms]').rows];
              const row = rows.find(row => row.cells[0].innerText.includes('/market/ticker:BTC-USDT'));
              const head = Number(row?.cells[2].innerText.replace(/\D/g, '') ?? 0);
              return head > before ? head : null;
            }
            """,
            before);
        return await head.JsonValueAsync<long>();
    }

    private static async Task<long> NumberAsync(ILocator locator) =>
        long.Parse(NotDigits().Replace(await locator.InnerTextAsync(), ""), CultureInfo.InvariantCulture);

    [GeneratedRegex(@"\d")]
    private static partial Regex Digit();

    [GeneratedRegex(@"^[1-9][\d,]*$")]
    private static partial Regex SomeNumber();

    [GeneratedRegex(@"^[1-9][\d.]* (B|KiB|MiB) of [1-9][\d.]* (KiB|MiB)$")]
    private static partial Regex SizeOfSize();

    [GeneratedRegex(@"[^\d]")]
    private static partial Regex NotDigits();

    [GeneratedRegex(@"^\S+ \S+")]
    private static partial Regex TwoPoints();
}
