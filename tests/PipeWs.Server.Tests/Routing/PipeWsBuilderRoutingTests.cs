using System.Text.Json.Serialization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using NSubstitute;
using PipeWs.Server.Routing;

namespace PipeWs.Server.Tests.Routing;

public partial class PipeWsBuilderRoutingTests
{
    private static readonly Func<WsMessageContext, ValueTask> Nothing = static _ => default;

    [Fact]
    public void Registrations_belong_to_the_hub_of_their_name()
    {
        var services = new ServiceCollection();
        Builder(services, "").MapAction("a", Nothing).MapAction("b", BuilderJson.Default.Int32, static (_, _) => default).OnBinary(Nothing);
        Builder(services, "other").OnText(Nothing);

        IOptionsMonitor<HubRegistration> registrations = services.BuildServiceProvider().GetRequiredService<IOptionsMonitor<HubRegistration>>();

        Assert.Equal(["a", "b"], registrations.CurrentValue.Actions.Select(static route => route.Name));
        Assert.IsType<TypedRoute<int>>(registrations.CurrentValue.Actions[1]);
        Assert.Same(Nothing, registrations.CurrentValue.OnBinary);
        Assert.Null(registrations.CurrentValue.OnText);
        Assert.Same(Nothing, registrations.Get("other").OnText);
        Assert.Empty(registrations.Get("other").Actions);
    }

    [Fact]
    public void What_cannot_be_mapped_is_refused_where_it_stands()
    {
        IPipeWsBuilder builder = Builder(new ServiceCollection(), "");

        Assert.Throws<ArgumentException>(() => builder.MapAction("ping", Nothing));
        Assert.Throws<ArgumentException>(() => builder.MapAction("", Nothing));
        Assert.Throws<ArgumentNullException>(() => builder.MapAction("a", null!));
        Assert.Throws<ArgumentNullException>(() => builder.MapAction<int>("a", null!, static (_, _) => default));
        Assert.Throws<ArgumentNullException>(() => builder.OnText(null!));
        Assert.Throws<ArgumentNullException>(() => builder.OnBinary(null!));
    }

    [Fact]
    public void A_second_raw_handler_is_refused_when_the_hub_starts()
    {
        var services = new ServiceCollection();
        Builder(services, "text").OnText(Nothing).OnText(Nothing);
        Builder(services, "binary").OnBinary(Nothing).OnBinary(Nothing);
        IOptionsMonitor<HubRegistration> registrations = services.BuildServiceProvider().GetRequiredService<IOptionsMonitor<HubRegistration>>();

        Assert.Throws<InvalidOperationException>(() => registrations.Get("text"));
        Assert.Throws<InvalidOperationException>(() => registrations.Get("binary"));
    }

    private static IPipeWsBuilder Builder(IServiceCollection services, string name)
    {
        services.AddOptions();
        IPipeWsBuilder builder = Substitute.For<IPipeWsBuilder>();
        builder.Services.Returns(services);
        builder.Name.Returns(name);
        return builder;
    }

    [JsonSerializable(typeof(int))]
    private sealed partial class BuilderJson : JsonSerializerContext;
}
