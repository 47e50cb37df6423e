namespace PipeWs.Protocol.Handshake;

/// <summary>
/// Walks over the elements of Sec-WebSocket-Extensions in one pass: <c>name; parameter; parameter=value; parameter="value", name...</c>.
/// Nothing is allocated, no exception is thrown, and every character is looked at once. RFC 6455, section 9.1.
/// </summary>
/// <remarks>A server declines an element with <see cref="IsMalformed"/> and all that follow it; a client fails the handshake.</remarks>
public ref struct ExtensionHeaderReader
{
    private readonly ReadOnlySpan<char> _text;
    private int _position;
    private bool _inElement;

    /// <summary>Reads a header's value; several lines are joined with commas.</summary>
    public ExtensionHeaderReader(ReadOnlySpan<char> value)
    {
        _text = value;
    }

    /// <summary>Whether the grammar was broken; nothing more is read then.</summary>
    public bool IsMalformed { get; private set; }

    /// <summary>Goes to the next element, over parameters of this one that were not read.</summary>
    /// <param name="name">The extension's name, such as <c>permessage-deflate</c>.</param>
    /// <returns><see langword="false"/> at the end, or where the grammar is broken.</returns>
    public bool TryReadExtension(out ReadOnlySpan<char> name)
    {
        while (_inElement && TryReadParameter(out _))
        {
        }

        // Empty elements are legal in a list (RFC 9110, section 5.6.1.2).
        SkipWhitespace();
        while (!IsMalformed && _position < _text.Length && _text[_position] == ',')
        {
            _position++;
            SkipWhitespace();
        }

        if (IsMalformed || _position == _text.Length)
        {
            name = default;
            return false;
        }

        _inElement = TryReadToken(out name);
        return _inElement;
    }

    /// <summary>Goes to the next parameter of this element.</summary>
    /// <returns><see langword="false"/> where there is none left, or where the grammar is broken.</returns>
    public bool TryReadParameter(out ExtensionParameter parameter)
    {
        parameter = default;
        if (!_inElement)
        {
            return false;
        }

        SkipWhitespace();
        if (_position == _text.Length || _text[_position] == ',')
        {
            _inElement = false;
            return false;
        }

        if (_text[_position] != ';')
        {
            return Fail();
        }

        _position++;
        SkipWhitespace();
        if (!TryReadToken(out ReadOnlySpan<char> name))
        {
            return false;
        }

        SkipWhitespace();
        if (_position == _text.Length || _text[_position] != '=')
        {
            parameter = new ExtensionParameter(name, default, hasValue: false);
            return true;
        }

        _position++;
        SkipWhitespace();
        ReadOnlySpan<char> value;
        if (_position < _text.Length && _text[_position] == '"' ? !TryReadQuoted(out value) : !TryReadToken(out value))
        {
            return false;
        }

        parameter = new ExtensionParameter(name, value, hasValue: true);
        return true;
    }

    private bool TryReadToken(out ReadOnlySpan<char> token)
    {
        int start = _position;
        while (_position < _text.Length && _text[_position] < 0x80 && HttpSyntax.IsTokenByte((byte)_text[_position]))
        {
            _position++;
        }

        token = _text[start.._position];
        return !token.IsEmpty || Fail();
    }

    // "When using the quoted-string syntax variant, the value after quoted-string unescaping MUST conform to the 'token' ABNF": so a
    // backslash, which no token holds, could only escape a character that needs none; nobody sends it, and it is refused.
    private bool TryReadQuoted(out ReadOnlySpan<char> value)
    {
        _position++;
        value = default;
        if (!TryReadToken(out ReadOnlySpan<char> token))
        {
            return false;
        }

        if (_position == _text.Length || _text[_position] != '"')
        {
            return Fail();
        }

        _position++;
        value = token;
        return true;
    }

    private void SkipWhitespace()
    {
        while (_position < _text.Length && _text[_position] is ' ' or '\t')
        {
            _position++;
        }
    }

    private bool Fail()
    {
        IsMalformed = true;
        _inElement = false;
        return false;
    }
}

/// <summary>One parameter of an extension, borrowed from the header's text.</summary>
public readonly ref struct ExtensionParameter
{
    internal ExtensionParameter(ReadOnlySpan<char> name, ReadOnlySpan<char> value, bool hasValue)
    {
        Name = name;
        Value = value;
        HasValue = hasValue;
    }

    /// <summary>The name, such as <c>server_max_window_bits</c>.</summary>
    public ReadOnlySpan<char> Name { get; }

    /// <summary>The value without quotes; empty where there is none.</summary>
    public ReadOnlySpan<char> Value { get; }

    /// <summary>Whether there is a value.</summary>
    public bool HasValue { get; }
}
