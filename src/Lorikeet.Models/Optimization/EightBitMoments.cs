using Lorikeet.Models.Native;
using Lorikeet.Models.Quantization;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Models.Optimization;

/// <summary>
/// Both averages in 8-bit codes with a scale for every 256 (8-bit optimizers, arXiv 2110.02861): signed for gradients,
/// unsigned for squares. Each step decodes a block, updates it in float32 and encodes it again.
/// </summary>
internal sealed unsafe class EightBitMoments : Moments
{
    /// <summary>Parameters with fewer elements keep float32 averages, as in bitsandbytes.</summary>
    public const int SmallestParameter = 4096;

    private const int BlockSize = 256;

    private readonly Tensor _first;
    private readonly Tensor _second;
    private readonly Tensor _firstScales;
    private readonly Tensor _secondScales;

    public EightBitMoments(Tensor parameter)
    {
        var blocks = (parameter.NumberOfElements + BlockSize - 1) / BlockSize;
        _first = zeros(parameter.shape, ScalarType.Byte, parameter.device).DetachFromDisposeScope();
        _second = zeros(parameter.shape, ScalarType.Byte, parameter.device).DetachFromDisposeScope();
        _firstScales = zeros(blocks, device: parameter.device).DetachFromDisposeScope();
        _secondScales = zeros(blocks, device: parameter.device).DetachFromDisposeScope();
    }

    public override void Update<TRule>(Tensor parameter, Tensor gradient, TRule rule)
    {
        if (parameter.device_type == DeviceType.CPU)
            UpdateOnCpu(parameter, gradient, rule);
        else
            UpdateByTensors(parameter, gradient, rule);
    }

    public override IEnumerable<(string Name, Tensor Value)> State() =>
        [("state1", _first), ("state2", _second), ("absmax1", _firstScales), ("absmax2", _secondScales)];

    public override void Dispose()
    {
        _first.Dispose();
        _second.Dispose();
        _firstScales.Dispose();
        _secondScales.Dispose();
    }

    private void UpdateOnCpu<TRule>(Tensor parameter, Tensor gradient, TRule rule) where TRule : unmanaged,
    IAdamRule<TRule>
    {
        var p = (float*)TensorMemory.Pointer(parameter);
        var g = (float*)TensorMemory.Pointer(gradient);
        var first = TensorMemory.Pointer(_first);
        var second = TensorMemory.Pointer(_second);
        var firstScales = (float*)TensorMemory.Pointer(_firstScales);
        var secondScales = (float*)TensorMemory.Pointer(_secondScales);
        var count = parameter.NumberOfElements;
        Parallel.For(0, (count + BlockSize - 1) / BlockSize, block =>
        {
            var start = block * BlockSize;
            var length = (int)Math.Min(BlockSize, count - start);
            var m = stackalloc float[BlockSize];
            var v = stackalloc float[BlockSize];
            var codes1 = new Span<byte>(first + start, length);
            var codes2 = new Span<byte>(second + start, length);
            Decode(DynamicMap.Signed, codes1, firstScales[block], m);
            Decode(DynamicMap.Unsigned, codes2, secondScales[block], v);
            AdamKernel.RunTask(p + start, g + start, m, v, length, rule);
            firstScales[block] = Encode(DynamicMap.Signed, new ReadOnlySpan<float>(m, length), codes1);
            secondScales[block] = Encode(DynamicMap.Unsigned, new ReadOnlySpan<float>(v, length), codes2);
        });
    }

    private static void Decode(float[] map, ReadOnlySpan<byte> codes, float scale, float* values)
    {
        for (var i = 0; i < codes.Length; i++)
            values[i] = map[codes[i]] * scale;
    }

    /// <returns>The scale: the largest magnitude.</returns>
    private static float Encode(float[] map, ReadOnlySpan<float> values, Span<byte> codes)
    {
        var scale = 0f;
        foreach (var value in values)
            scale = MathF.Max(scale, MathF.Abs(value));
        var reciprocal = CudaReciprocal.Of(scale);
        for (var i = 0; i < values.Length; i++)
        {
            var code = DynamicMap.Encode(map, values[i] * reciprocal);

            // An average keeps its sign, however small it is.
            if (map[code] < 0 != values[i] < 0)
                code = (byte)(values[i] > 0 ? code + 1 : code - 1);
            codes[i] = code;
        }

        return scale;
    }

    /// <summary>The same in tensor operations, for devices that have no kernel of their own.</summary>
    internal void UpdateByTensors<TRule>(Tensor parameter, Tensor gradient, TRule rule)
        where TRule : unmanaged, IAdamRule<TRule>
    {
        var m = Decode(DynamicMap.Signed, _first, _firstScales);
        var v = Decode(DynamicMap.Unsigned, _second, _secondScales);
        rule.Apply(parameter, gradient, m, v);
        Encode(DynamicMap.Signed, m, _first, _firstScales);
        Encode(DynamicMap.Unsigned, v, _second, _secondScales);
    }

    private static Tensor Decode(float[] map, Tensor codes, Tensor scales)
    {
        var count = codes.NumberOfElements;
        var values = tensor(map, device: codes.device).index_select(0, codes.flatten().to_type(ScalarType.Int32));
        return (values * scales.repeat_interleave(BlockSize).slice(0, 0, count, 1)).view(codes.shape);
    }

    private static void Encode(float[] map, Tensor values, Tensor codes, Tensor scales)
    {
        var count = values.NumberOfElements;
        var flat = values.flatten();
        // [blocks, BlockSize]
        var blocks = nn.functional.pad(flat, [0, (BlockSize - count % BlockSize) % BlockSize]).view(-1, BlockSize);
        scales.copy_(blocks.abs().amax([1])); // [blocks]
        // [count]
        var scaled = (blocks * scales.reciprocal().unsqueeze(1)).nan_to_num(0).flatten().slice(0, 0, count, 1);
        var table = tensor(map, device: values.device);
        var found = bucketize(scaled, tensor(DynamicMap.Thresholds(map), device: values.device), outInt32: true);
        // 1 where the code's sign differs
        var lostSign = table.index_select(0, found).Below(0).logical_xor(flat.Below(0)).to_type(ScalarType.Int32);
        codes.copy_(found.Plus(flat.sign().to_type(ScalarType.Int32) * lostSign).view(codes.shape));
    }
}
