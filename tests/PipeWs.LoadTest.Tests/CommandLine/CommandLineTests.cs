using System.CommandLine;
using PipeWs.LoadTest.CommandLine;
using PipeWs.LoadTest.Compare;
using PipeWs.LoadTest.EchoClient;
using PipeWs.LoadTest.Load;
using PipeWs.LoadTest.Servers;

namespace PipeWs.LoadTest.Tests.CommandLine;

public sealed class CommandLineTests
{
    [Theory]
    [InlineData("serve --server pipews --port 9001", ServerKind.PipeWs, 9001, Door.Fast)]
    [InlineData("serve --server pipews --port 9001 --door mapped", ServerKind.PipeWs, 9001, Door.Mapped)]
    [InlineData("serve --door handler --port 0 --server pipews", ServerKind.PipeWs, 0, Door.Handler)]
    [InlineData("serve --server aspnet --port 80", ServerKind.AspNet, 80, Door.Fast)]
    [InlineData("serve --server=signalr --port=80", ServerKind.SignalR, 80, Door.Fast)]
    public void Serve_takes_server_port_and_door(string line, object kind, int port, object door)
    {
        ParseResult result = Parse(line);

        Assert.Empty(result.Errors);
        Assert.Equal(new ServerOptions((ServerKind)kind, port, (Door)door), ServeCommand.GetOptions(result));
    }

    [Fact]
    public void Serve_takes_a_limit_that_opens_all_others()
    {
        ServerOptions options = ServeCommand.GetOptions(Parse("serve --server pipews --port 1 --max-message-bytes 16777216"));
        ServerOptions asItComes = ServeCommand.GetOptions(Parse("serve --server pipews --port 1"));

        Assert.Equal((16777216, true), (options.AcceptedMessageBytes, options.OpensLimits));
        Assert.Equal((ServerOptions.DefaultMaxMessageBytes, false), (asItComes.AcceptedMessageBytes, asItComes.OpensLimits));
    }

    [Fact]
    public void Echo_client_takes_a_suite_and_a_name()
    {
        EchoClientOptions options = EchoClientCommand.GetOptions(Parse("echo-client ws://localhost:9001/ --agent C&A"));

        Assert.Equal("ws://localhost:9001/getCaseCount", options.CaseCount.AbsoluteUri);
        Assert.Equal("ws://localhost:9001/runCase?case=7&agent=C%26A", options.RunCase(7).AbsoluteUri);
        Assert.Equal("ws://localhost:9001/updateReports?agent=C%26A", options.UpdateReports.AbsoluteUri);
        Assert.Equal("wss://localhost/suite/getCaseCount", new EchoClientOptions(new Uri("wss://localhost/suite"), "x").CaseCount.AbsoluteUri);
    }

    [Theory]
    [InlineData("serve --port 1")]
    [InlineData("serve --server pipews --port 1 --max-message-bytes 0")]
    [InlineData("serve --server pipews --port 1 --max-message-bytes 4GB")]
    [InlineData("echo-client")]
    [InlineData("echo-client http://localhost/")]
    [InlineData("echo-client localhost:9001")]
    [InlineData("serve --server aspnet")]
    [InlineData("serve --server apache --port 1")]
    [InlineData("serve --server aspnet --port 65536")]
    [InlineData("serve --server aspnet --port x")]
    [InlineData("serve --server pipews --port 1 --door back")]
    [InlineData("run --mode echo")]
    [InlineData("run --url ws://localhost/ --mode shout")]
    [InlineData("run --url http://localhost/ --mode echo")]
    [InlineData("run --url wss://localhost/ --mode echo")]
    [InlineData("run --url ws://localhost/ --mode echo --size 39")]
    [InlineData("run --url ws://localhost/ --mode echo --in-flight 0")]
    [InlineData("run --url ws://localhost/ --mode echo --seconds 0")]
    [InlineData("run --url ws://localhost/ --mode echo --warmup -1")]
    public void What_makes_no_sense_is_refused(string line) => Assert.NotEmpty(Parse(line).Errors);

    [Fact]
    public void Run_takes_all_options_of_an_echo()
    {
        ParseResult result = Parse("run --url ws://localhost:81/echo?x=1 --mode echo --connections 7 --in-flight 3 --size 200 --seconds 1.5 --warmup 0.5 --protocol signalr --pid 4711 --threads 2 --json");

        Assert.Empty(result.Errors);
        Assert.Null(RunCommand.FindContradiction(result));
        Assert.Equal(
            new LoadOptions
            {
                Url = new Uri("ws://localhost:81/echo?x=1"),
                Mode = LoadMode.Echo,
                Connections = 7,
                InFlight = 3,
                PayloadBytes = 200,
                Duration = TimeSpan.FromSeconds(1.5),
                WarmUp = TimeSpan.FromSeconds(0.5),
                Protocol = LoadProtocol.SignalR,
                ProcessId = 4711,
                Threads = 2,
            },
            RunCommand.GetOptions(result));
    }

    [Theory]
    [InlineData("echo", 64)]
    [InlineData("fanout", 1000)]
    [InlineData("idle", 5000)]
    [InlineData("connect", 64)]
    public void The_modes_have_their_own_number_of_connections(string mode, int connections) =>
        Assert.Equal(connections, RunCommand.GetOptions(Parse($"run --url ws://localhost/ --mode {mode}")).Connections);

    [Fact]
    public void A_fan_out_has_a_window_or_a_rate()
    {
        LoadOptions window = RunCommand.GetOptions(Parse("run --url ws://localhost/ --mode fanout --window 64 --publishers 3 --type binary"));
        LoadOptions rate = RunCommand.GetOptions(Parse("run --url ws://localhost/ --mode fanout --rate 12.5"));

        Assert.Equal((64, null, 3, true), (window.Window, window.Rate, window.Publishers, window.Binary));
        Assert.Equal(12.5, rate.Rate);
    }

    [Fact]
    public void An_idle_server_of_this_program_is_asked_to_compact_its_heap()
    {
        ParseResult asked = Parse("run --url ws://localhost/ --mode idle --pid 4711 --compact");

        Assert.Null(RunCommand.FindContradiction(asked));
        Assert.True(RunCommand.GetOptions(asked).Compacts);
        Assert.False(RunCommand.GetOptions(Parse("run --url ws://localhost/ --mode idle --pid 4711")).Compacts);
    }

    [Theory]
    [InlineData("--mode fanout --window 1 --rate 1")]
    [InlineData("--mode fanout --window 0")]
    [InlineData("--mode fanout --rate 0")]
    [InlineData("--mode fanout --rate NaN")]
    [InlineData("--mode fanout --in-flight 2")]
    [InlineData("--mode fanout --connections 2 --publishers 3")]
    [InlineData("--mode echo --window 2")]
    [InlineData("--mode idle --rate 2")]
    [InlineData("--mode connect --in-flight 2")]
    [InlineData("--mode idle --compact")]
    [InlineData("--mode echo --pid 4711 --compact")]
    [InlineData("--mode echo --connections 0")]
    [InlineData("--mode echo --threads 0")]
    [InlineData("--mode echo --protocol signalr --type binary")]
    public void Contradictions_are_told(string options)
    {
        ParseResult result = Parse($"run --url ws://localhost/ {options}");

        Assert.Empty(result.Errors);
        Assert.NotNull(RunCommand.FindContradiction(result));
    }

    [Fact]
    public void Compare_runs_everything_three_times_by_default()
    {
        ParseResult result = Parse("compare");
        ComparisonOptions options = CompareCommand.GetOptions(result);

        Assert.Null(CompareCommand.FindContradiction(result));
        Assert.Equal(["floor", "pipews-loops", "pipews-inline", "pipews", "aspnet", "signalr"], options.Servers);
        Assert.Equal(Scenario.All, options.Scenarios);
        Assert.Equal((3, 6, 1.5), (options.Rounds, options.Turns, options.Seconds));
    }

    [Theory]
    [InlineData("--servers aspnet,signalr --scenarios echo-64x1,echo-64x32,idle")]
    [InlineData("--servers aspnet signalr --scenarios echo-64x1 idle echo-64x32")]
    [InlineData("--servers aspnet --servers signalr --scenarios idle-5000,echo-64x1 --scenarios echo-64x32")]
    public void Compare_takes_lists_in_any_form(string lists)
    {
        ComparisonOptions options = CompareCommand.GetOptions(Parse($"compare {lists} --rounds 2 --turns 5 --quick"));

        Assert.Equal(["aspnet", "signalr"], options.Servers);
        Assert.Equal(["echo 64x1", "echo 64x32", "idle 5000"], options.Scenarios.Select(scenario => scenario.Name));
        Assert.Equal((2, 5), (options.Rounds, options.Turns));
    }

    [Theory]
    [InlineData("--servers apache")]
    [InlineData("--servers ,")]
    [InlineData("--external uws")]
    [InlineData("--external uws=./server@port")]
    [InlineData("--external uws=@9001")]
    [InlineData("--external =./server@9001")]
    [InlineData("--external aspnet=./server@9001")]
    [InlineData("--scenarios dance")]
    [InlineData("--scenarios ,")]
    [InlineData("--rounds 0")]
    [InlineData("--turns 0")]
    public void Compare_refuses_what_it_does_not_know(string options) =>
        Assert.NotNull(CompareCommand.FindContradiction(Parse($"compare {options}")));

    [Fact]
    public void Compare_takes_programs_of_others()
    {
        ComparisonOptions options = CompareCommand.GetOptions(LoadTestCommand.Create().Parse(
            ["compare", "--servers", "aspnet", "--external", "uws=./server --at me@home@9001@/ws", "--external", "go=./echo@9002"]));

        Assert.Equal(["aspnet", "uws", "go"], options.Servers);
        Assert.Equal(new ExternalServer("./server --at me@home", 9001, "/ws"), options.Contenders[1].External);
        Assert.Equal(new ExternalServer("./echo", 9002, null), options.Contenders[2].External);
        Assert.Contains("ws://127.0.0.1:9001/ws", Scenario.All[0].GetArguments(new Uri("http://127.0.0.1:9001"), 1, options.Contenders[1], 1, 1));
        Assert.Contains("ws://127.0.0.1:9002/echo", Scenario.All[0].GetArguments(new Uri("http://127.0.0.1:9002"), 1, options.Contenders[2], 1, 1));
    }

    [Fact]
    public void The_arguments_of_every_scenario_are_ones_that_run_takes()
    {
        foreach (Scenario scenario in Scenario.All)
        {
            ParseResult result = LoadTestCommand.Create().Parse([.. scenario.GetArguments(new Uri("http://127.0.0.1:81"), 4711, Contender.Choose(["signalr"], [])[0], 2.5, 1.5)]);
            LoadOptions options = RunCommand.GetOptions(result);

            Assert.Empty(result.Errors);
            Assert.Null(RunCommand.FindContradiction(result));
            Assert.Equal((scenario.Mode, scenario.Connections, 4711, LoadProtocol.SignalR), (options.Mode, options.Connections, options.ProcessId, options.Protocol));
        }
    }

    private static ParseResult Parse(string line) => LoadTestCommand.Create().Parse(line.Split(' '));
}
