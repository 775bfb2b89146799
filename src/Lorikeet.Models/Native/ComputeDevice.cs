using TorchSharp;

namespace Lorikeet.Models.Native;

/// <summary>Turns the option <c>device</c> (auto, cpu, cuda or cuda:N) into a torch device.</summary>
public static class ComputeDevice
{
    /// <summary>Resolves the option after <see cref="LibTorch.Load"/>.</summary>
    /// <param name="option">
    /// auto takes the first CUDA device when libtorch has CUDA and one answers, else the CPU.
    /// </param>
    /// <exception cref="ConfigurationException">The text is no device.</exception>
    /// <exception cref="DeviceException">CUDA was asked for and is not there.</exception>
    public static torch.Device Resolve(string option)
    {
        var installation = LibTorch.Loaded ?? throw new InvalidOperationException("LibTorch.Load comes first.");
        switch (option)
        {
            case "cpu":
                return torch.CPU;
            case "auto":
                return installation.HasCuda && LibTorchInstallation.CudaAnswers() ? Cuda(0) : torch.CPU;
            case "cuda":
                return RequireCuda(0);
        }

        if (option.StartsWith("cuda:", StringComparison.Ordinal) && int.TryParse(option[5..], out var index)
            && index >= 0)
            return RequireCuda(index);
        throw new ConfigurationException(
            $"'{option}' is not a device. Expected auto, cpu, cuda or cuda:0. Where: 'device'.");
    }

    private static torch.Device RequireCuda(int index)
    {
        var installation = LibTorch.Loaded!;
        if (!installation.HasCuda)
        {
            throw new DeviceException(
                $"CUDA was asked for, but the libtorch in '{installation.Folder}' is a CPU build. Name a CUDA build " +
                "of libtorch 2.10 or later as 'libtorch' or in LORIKEET_LIBTORCH, or set 'device' to cpu.");
        }

        if (!LibTorchInstallation.CudaAnswers())
            throw new DeviceException("CUDA was asked for, but no CUDA device answers. Check the driver with " +
                "'nvidia-smi', or set 'device' to cpu.");
        if (index >= torch.cuda.device_count())
            throw new DeviceException(
                $"Device cuda:{index} does not exist; this machine has {torch.cuda.device_count()}. Use cuda:0.");
        return Cuda(index);
    }

    private static torch.Device Cuda(int index)
    {
        torch.InitializeDeviceType(DeviceType.CUDA);
        return new torch.Device(DeviceType.CUDA, index);
    }
}
