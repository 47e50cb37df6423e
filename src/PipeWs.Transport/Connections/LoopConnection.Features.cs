using System.Buffers;
using System.Collections;
using System.IO.Pipelines;
using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;
using PipeWs.Transport.Native;

namespace PipeWs.Transport.Connections;

// What Kestrel and its middleware ask a connection for. It is its own collection of features: an idle connection should not hold a dictionary.
internal sealed partial class LoopConnection : IFeatureCollection, IConnectionIdFeature, IConnectionItemsFeature, IConnectionTransportFeature, IConnectionLifetimeFeature, IConnectionEndPointFeature, IMemoryPoolFeature
{
    private static readonly Type[] s_own =
    [
        typeof(IConnectionIdFeature), typeof(IConnectionItemsFeature), typeof(IConnectionTransportFeature), typeof(IConnectionLifetimeFeature),
        typeof(IConnectionEndPointFeature), typeof(IMemoryPoolFeature), typeof(PipeScheduler),
    ];

    private string? _connectionId;
    private IDictionary<object, object?>? _items;
    private EndPoint? _local;
    private object? _host;
    private FeatureNames _hostNames = FeatureNames.None;
    private KeyValuePair<Type, object?>[] _features = [];
    private int _featureCount;
    private int _revision;

    /// <inheritdoc/>
    public override string ConnectionId
    {
        get => _connectionId ?? Interlocked.CompareExchange(ref _connectionId, ConnectionIds.Next(), null) ?? _connectionId;
        set => _connectionId = value;
    }

    /// <inheritdoc/>
    public override IDictionary<object, object?> Items
    {
        get => _items ??= new ConnectionItems();
        set => _items = value;
    }

    /// <inheritdoc/>
    public override EndPoint? LocalEndPoint
    {
        get => _local ??= FindLocalEndPoint();
        set => _local = value;
    }

    /// <inheritdoc/>
    public override EndPoint? RemoteEndPoint { get; set; }

    /// <inheritdoc/>
    public override IFeatureCollection Features => this;

    /// <inheritdoc/>
    public MemoryPool<byte> MemoryPool => _setting.MemoryPool;

    bool IFeatureCollection.IsReadOnly => false;

    int IFeatureCollection.Revision => _revision;

    /// <inheritdoc/>
    public object? this[Type key]
    {
        get
        {
            ArgumentNullException.ThrowIfNull(key);
            int index = IndexOf(key);
            return index >= 0 ? _features[index].Value : _hostNames.Contains(key) ? _host : FindOwn(key);
        }

        set
        {
            ArgumentNullException.ThrowIfNull(key);
            _revision++;
            int index = IndexOf(key);
            if (index < 0)
            {
                if (value is not null && (_host is null || ReferenceEquals(_host, value)))
                {
                    _host = value;
                    _hostNames = _hostNames.Contains(key) ? _hostNames : _hostNames.With(key);
                    return;
                }

                index = _featureCount++;
                if (index == _features.Length)
                {
                    Array.Resize(ref _features, index + 4);
                }
            }

            // A null hides a feature of the connection's own.
            _features[index] = new KeyValuePair<Type, object?>(key, value);
        }
    }

    TFeature? IFeatureCollection.Get<TFeature>()
        where TFeature : default => (TFeature?)this[typeof(TFeature)];

    void IFeatureCollection.Set<TFeature>(TFeature? instance)
        where TFeature : default => this[typeof(TFeature)] = instance;

    IEnumerator<KeyValuePair<Type, object>> IEnumerable<KeyValuePair<Type, object>>.GetEnumerator()
    {
        for (int i = 0; i < _featureCount; i++)
        {
            if (_features[i].Value is { } value)
            {
                yield return new KeyValuePair<Type, object>(_features[i].Key, value);
            }
        }

        foreach (Type key in _hostNames.Types)
        {
            if (IndexOf(key) < 0)
            {
                yield return new KeyValuePair<Type, object>(key, _host!);
            }
        }

        foreach (Type key in s_own)
        {
            if (IndexOf(key) < 0 && !_hostNames.Contains(key))
            {
                yield return new KeyValuePair<Type, object>(key, FindOwn(key)!);
            }
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => ((IEnumerable<KeyValuePair<Type, object>>)this).GetEnumerator();

    private int IndexOf(Type key)
    {
        for (int i = 0; i < _featureCount; i++)
        {
            if (_features[i].Key == key)
            {
                return i;
            }
        }

        return -1;
    }

    private object? FindOwn(Type key)
    {
        if (key == typeof(PipeScheduler))
        {
            return Loop;
        }

        return Array.IndexOf(s_own, key) >= 0 ? this : null;
    }

    private EndPoint? FindLocalEndPoint()
    {
        if (_setting.IsLocalExact || !TryUseSocket())
        {
            return _setting.Local;
        }

        Span<byte> address = stackalloc byte[SocketAddressReader.MaxBytes];
        int result = Libc.GetSocketName(File, address, out int length);
        EndUseOfSocket();
        return result < 0 ? _setting.Local : SocketAddressReader.Read(address[..length], _setting.Local) ?? _setting.Local;
    }
}
