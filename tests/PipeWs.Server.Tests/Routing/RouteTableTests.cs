using PipeWs.Shared;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using PipeWs.Server.Routing;

namespace PipeWs.Server.Tests.Routing;

public class RouteTableTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(9)]
    [InlineData(50)]
    [InlineData(1000)]
    public void Every_route_is_found_and_nothing_else(int count)
    {
        string[] names = [.. Enumerable.Range(0, count).Select(static i => $"action_{i}")];
        RouteTable table = Table(names);

        Assert.All(names, name => Assert.Equal(name, Find(table, name)));
        Assert.Null(Find(table, ""));
        Assert.Null(Find(table, "action_"));
        Assert.Null(Find(table, $"action_{count}"));
        Assert.Null(Find(table, new string('x', 1_000_000)));
        Assert.InRange(table.LongestSearch, 1, count <= 9 ? 1 : 16);
    }

    [Fact]
    public void Names_that_differ_in_one_byte_anywhere_are_different_routes()
    {
        string[] names =
        [
            .. from length in Enumerable.Range(1, 40)
               from position in Enumerable.Range(0, length)
               select new string('a', position) + 'b' + new string('a', length - position - 1),
        ];
        RouteTable table = Table(names);

        Assert.All(names, name => Assert.Equal(name, Find(table, name)));
        Assert.Null(Find(table, "aaaa"));
    }

    [Fact]
    public void Any_names_are_found() =>
        Check.One(Properties.Of(300), Prop.ForAll(ArbMap.Default.ArbFor<NonEmptyString[]>(), static given =>
        {
            string[] names = [.. given.Select(static s => s.Get).Where(static s => Encoding.UTF8.GetByteCount(s) <= Route.MaxNameBytes).DistinctBy(static s => Convert.ToHexString(Encoding.UTF8.GetBytes(s)))];
            RouteTable table = Table(names);
            Assert.All(names, name => Assert.Equal(name, Find(table, name)));
        }));

    [Fact]
    public void Names_are_neither_empty_nor_too_long()
    {
        Assert.Throws<ArgumentException>(() => new RawRoute("", static _ => default));
        Assert.Throws<ArgumentException>(() => new RawRoute(new string('é', 128), static _ => default));
        Assert.Throws<ArgumentException>(() => Table(["a", "a"]));
    }

    private static RouteTable Table(string[] names) => new([.. names.Select(static name => new RawRoute(name, static _ => default))]);

    private static string? Find(RouteTable table, string name) => table.Find(Encoding.UTF8.GetBytes(name))?.Name;
}
