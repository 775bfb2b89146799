using Lorikeet.Models.Native.Cuda;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Models.Quantization;

/// <summary>Which devices multiply in FP8.</summary>
internal static class Float8Device
{
    private const int LeastCapability = 89;
    private const int RowScales = 90; // cuBLAS has products with one scale a row for this one alone

    /// <summary>
    /// Why a device cannot multiply FP8 weights, as the end of a sentence; null where it can, or imitates it in float32
    /// as a CPU does.
    /// </summary>
    public static string? WhyUnsupported(Device device)
    {
        if (device.type != DeviceType.CUDA)
            return null;
        var own = CudaDevice.Of(Math.Max(device.index, 0));
        var found = $"'{own.Name}' has compute capability {own.Capability / 10}.{own.Capability % 10}";
        return own.Capability switch
        {
            < LeastCapability => $"{found}, which has no FP8; 9.0 (H100, H200) was expected",
            not RowScales =>
                $"{found}, for which cuBLAS has no FP8 products with a scale for each row; 9.0 (H100, H200) "
                + "was expected",
            _ => null,
        };
    }

    /// <summary>Refuses a device that cannot.</summary>
    /// <exception cref="DeviceException">It cannot.</exception>
    public static void Require(Device device)
    {
        if (WhyUnsupported(device) is { } reason)
        {
            throw new DeviceException(
                $"fp8 was asked for, but {reason}. Leave it out for bfloat16, or set 'load_in_4bit'.");
        }
    }
}
