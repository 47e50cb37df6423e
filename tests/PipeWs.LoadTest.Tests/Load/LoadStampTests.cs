using FsCheck;
using FsCheck.Fluent;
using PipeWs.LoadTest.Load;

namespace PipeWs.LoadTest.Tests.Load;

public sealed class LoadStampTests
{
    [Fact]
    public void A_stamp_reads_back_and_is_letters_only() =>
        Prop.ForAll<long, long, int>((sequence, timestamp, origin) =>
        {
            var stamp = new LoadStamp(sequence * 3_000_000_019, timestamp * -7_000_000_001, (uint)origin);
            byte[] payload = new byte[LoadStamp.Length];
            stamp.Write(payload);
            return LoadStamp.TryRead(payload, out LoadStamp read) && read == stamp && Array.TrueForAll(payload, letter => letter is >= (byte)'a' and <= (byte)'p');
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_stamp_with_any_byte_that_is_no_letter_of_its_own_is_refused()
    {
        byte[] payload = new byte[LoadStamp.Length];
        for (int position = 0; position < payload.Length; position++)
        {
            for (int value = 0; value < 256; value++)
            {
                new LoadStamp(0x0123456789ABCDEF, 0x7EDCBA9876543210, 0x0F1E2D3C).Write(payload);
                payload[position] = (byte)value;

                Assert.Equal(value is >= 'a' and <= 'p', LoadStamp.TryRead(payload, out _));
            }
        }
    }

    [Fact]
    public void A_payload_shorter_than_a_stamp_is_refused() => Assert.False(LoadStamp.TryRead("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"u8, out _));
}
