using System.Diagnostics;
using PipeWs.Server.Diagnostics;

namespace PipeWs.Server.Routing;

internal sealed partial class RequestContext
{
    /// <summary>The message's activity; null where it has none.</summary>
    internal Activity? Activity { get; set; }

    /// <summary>The handler threw.</summary>
    internal void SetFailed(Exception exception)
    {
        if (Activity is not null)
        {
            HubActivities.SetFailed(Activity, exception);
        }
    }
}
