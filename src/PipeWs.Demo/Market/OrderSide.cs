using System.Text.Json.Serialization;

namespace PipeWs.Demo.Market;

/// <summary>Who takes: a buyer or a seller.</summary>
public enum OrderSide : byte
{
    /// <summary>Takes from the asks.</summary>
    [JsonStringEnumMemberName("buy")]
    Buy,

    /// <summary>Takes from the bids.</summary>
    [JsonStringEnumMemberName("sell")]
    Sell,
}
