using System.Runtime.InteropServices;
using Lorikeet.Models.Distributed;
using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Distributed;

/// <summary>Ranks that are threads of this process: what they send is copied, in the order of the ranks.</summary>
internal sealed class ThreadRanks
{
    private readonly Barrier _meeting;
    private readonly byte[][] _sent;
    private readonly ThreadRanks?[] _parts;

    private readonly CancellationTokenSource _failed;

    private ThreadRanks(int size, CancellationTokenSource failed)
    {
        (_meeting, _sent, _parts) = (new Barrier(size), new byte[size][], new ThreadRanks?[size]);
        _failed = failed;
    }

    /// <summary>Runs the work of every rank on a thread of its own; its results by rank.</summary>
    public static T[] Run<T>(int size, Func<Communicator, T> work)
    {
        using var failed = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var (ranks, results, faults) = (new ThreadRanks(size, failed), new T[size], new Exception?[size]);
        Thread[] threads = [.. Enumerable.Range(0, size).Select(rank => new Thread(() =>
        {
            using var scope = NewDisposeScope();
            try
            {
                results[rank] = work(new Member(ranks, rank));
            }
            catch (Exception fault)
            {
                faults[rank] = fault;
                failed.Cancel(); // the others would wait for ever
            }
        }))];
        foreach (var thread in threads)
            thread.Start();
        foreach (var thread in threads)
            thread.Join();
        Assert.All(faults.Where(fault => fault is not OperationCanceledException), Assert.Null);
        return results;
    }

    private sealed class Member(ThreadRanks all, int rank) : Communicator
    {
        public override int Rank => rank;

        public override int Size => all._sent.Length;

        public override string Transport => "threads";

        public override unsafe void Sum(Tensor values)
        {
            var bytes = Bytes(values);
            var every = Everybody(bytes.ToArray());
            var sums = MemoryMarshal.Cast<byte, float>(bytes);
            sums.Clear();
            foreach (var sent in every)
                for (var i = 0; i < sums.Length; i++)
                    sums[i] += MemoryMarshal.Cast<byte, float>(sent)[i];
        }

        public override void Sum(Span<double> values)
        {
            var every = Everybody(MemoryMarshal.AsBytes(values).ToArray());
            values.Clear();
            foreach (var sent in every)
                for (var i = 0; i < values.Length; i++)
                    values[i] += MemoryMarshal.Cast<byte, double>(sent)[i];
        }

        public override void Broadcast(Tensor values) => Broadcast(Bytes(values));

        public override void Broadcast(Span<byte> bytes) => Everybody(bytes.ToArray())[0].CopyTo(bytes);

        public override byte[] Gather(ReadOnlySpan<byte> own) => [.. Everybody(own.ToArray()).SelectMany(sent => sent)];

        internal override void Gather(Tensor own, Tensor whole) => Gather(Bytes(own)).CopyTo(Bytes(whole));

        internal override void Exchange(Tensor own, Tensor received)
        {
            var every = Everybody(Bytes(own).ToArray());
            var part = every[rank].Length / Size;
            for (var other = 0; other < Size; other++)
                every[other].AsSpan(rank * part, part).CopyTo(Bytes(received)[(other * part)..]);
        }

        public override Communicator Split(int colour)
        {
            var colours = MemoryMarshal.Cast<byte, int>(Gather(BitConverter.GetBytes(colour))).ToArray();
            int[] members = [.. Enumerable.Range(0, Size).Where(other => colours[other] == colour)];
            if (members[0] == rank)
                all._parts[rank] = new ThreadRanks(members.Length, all._failed);
            Wait();
            var part = new Member(all._parts[members[0]]!, Array.IndexOf(members, rank));
            Wait();
            return part;
        }

        public override void Wait() => all._meeting.SignalAndWait(all._failed.Token);

        public override void Dispose()
        {
        }

        private byte[][] Everybody(byte[] own)
        {
            all._sent[rank] = own;
            Wait();
            byte[][] every = [.. all._sent];
            Wait();
            return every;
        }

        private static unsafe Span<byte> Bytes(Tensor values) =>
            new(TensorMemory.Pointer(values), checked((int)(values.NumberOfElements * values.ElementSize)));
    }
}
