using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;
using PipeWs.Transport.Tests.Support;

namespace PipeWs.Transport.Tests.Connections;

public sealed class LoopFeaturesTests
{
    [Fact]
    public async Task Features_of_one_object_and_of_others_are_found_replaced_hidden_and_listed()
    {
        await using LoopPair pair = await LoopPair.OpenAsync();
        IFeatureCollection features = pair.Server.Features;
        var host = new Host();
        var other = new Host();
        int before = features.Count();
        int revision = features.Revision;

        features.Set<IFirst>(host);
        features.Set<ISecond>(host);
        features.Set<IThird>(other);
        Assert.Same(host, features.Get<IFirst>());
        Assert.Same(host, features.Get<ISecond>());
        Assert.Same(other, features.Get<IThird>());
        Assert.Equal(before + 3, features.Count());
        Assert.True(features.Revision > revision);

        // Replaced, put back, and hidden.
        features.Set<IFirst>(other);
        Assert.Same(other, features.Get<IFirst>());
        Assert.Equal(before + 3, features.Count());
        features.Set<IFirst>(host);
        Assert.Same(host, features.Get<IFirst>());
        features.Set<ISecond>(null);
        Assert.Null(features.Get<ISecond>());
        Assert.Equal(before + 2, features.Count());
        Assert.DoesNotContain(features, static feature => feature.Key == typeof(ISecond));

        // So are the connection's own.
        features.Set<IConnectionItemsFeature>(null);
        Assert.Null(features.Get<IConnectionItemsFeature>());
        Assert.Equal(before + 1, features.Count());
    }

    [Fact]
    public async Task Connections_that_share_the_names_of_features_do_not_share_the_features()
    {
        await using LoopPair one = await LoopPair.OpenAsync();
        await using LoopPair two = await LoopPair.OpenAsync();
        await using LoopPair three = await LoopPair.OpenAsync();
        Host[] hosts = [new(), new(), new()];
        one.Server.Features.Set<IFirst>(hosts[0]);
        one.Server.Features.Set<ISecond>(hosts[0]);
        two.Server.Features.Set<IFirst>(hosts[1]);
        two.Server.Features.Set<IThird>(hosts[1]);
        three.Server.Features.Set<ISecond>(hosts[2]);

        Assert.Equal((hosts[0], hosts[0], null), Read(one));
        Assert.Equal((hosts[1], null, hosts[1]), Read(two));
        Assert.Equal((null, hosts[2], null), Read(three));

        static (object?, object?, object?) Read(LoopPair pair) =>
            (pair.Server.Features.Get<IFirst>(), pair.Server.Features.Get<ISecond>(), pair.Server.Features.Get<IThird>());
    }

    private interface IFirst;

    private interface ISecond;

    private interface IThird;

    private sealed class Host : IFirst, ISecond, IThird;
}
