using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using Lorikeet.Models.Native.Cuda;
using Lorikeet.Models.Passes.Cuda;
using Lorikeet.Models.Quantization;
using TorchSharp;

namespace Lorikeet.Models.Passes.Decoding.Cuda;

/// <summary>
/// The kernels of products (FewRows.cu, Product.cu, Completion.cu), and how they are spread over a device.
/// </summary>
internal sealed class ProductKernels
{
    /// <summary>Rows of x up to which memory is what counts.</summary>
    public const int FewRows = 8;

    /// <summary>Of those, what 4-bit weights take in FewRows.cu without more multiplications.</summary>
    public const int FewFourBitRows = 4;

    /// <summary>Rows of x up to which 4-bit weights are decoded on the way to the tensor cores.</summary>
    public const int ManyRows = 64;

    /// <summary>Threads of a block of <see cref="Complete"/> and <see cref="ProjectDown"/>.</summary>
    public const int Threads = 256;

    private const int SmallestBlock = 64;
    private const int Aligned = 16;
    private const int FewThreads = 512;
    private const int FewTileRows = 16, MostTiles = 104; // as in FewRows.cu, and so is what follows
    private const int MostHidden = 4096, MostShares = 32, HiddenBytes = 4 * MostHidden + MostShares * 17 * 4;
    private const int FewBytes = 62592 + HiddenBytes, FewFourBitBytes = (128 << 10) + HiddenBytes;
    private const int TableBytes = (32 << 10) + 3 * 256 * sizeof(float), Stages = 4; // as in Product.cu
    private const int LeastCapabilityOfClusters = 90;

    private readonly CudaDevice _device;
    private readonly CudaModule _few, _product;
    private readonly Dictionary<string, CudaKernel> _kernels = [];

    /// <summary>Compiles them, or takes them from the cache of compiled kernels.</summary>
    public ProductKernels(CudaDevice device)
    {
        _device = device;
        _few = new CudaModule(device, "Elements", "Scales", "Linear", "FewRows");
        _product = new CudaModule(device, "Elements", "Scales", "Linear", "Product");
        ProjectDown = _few.Kernel("project_down", startsEarly: true);
        Complete = new CudaModule(device, "Elements", "Scales", "Linear", "Completion")
            .Kernel("complete_product", startsEarly: true);
    }

    /// <summary>Whether projections that share their input can be one product.</summary>
    public static bool Fit(IReadOnlyList<Projection> projections) => projections[0].Weight.Columns % 32 == 0
        && (projections.All(projection => IsDense(projection.Weight))
            || (projections[0].Weight.Columns % 128 == 0
                && projections.All(projection => IsFourBit(projection.Weight))));

    /// <summary>A x of each row's adapter.</summary>
    public CudaKernel ProjectDown { get; }

    /// <summary>Bias, adapters and activation after a product of cuBLAS.</summary>
    public CudaKernel Complete { get; }

    /// <summary>Queues y = x Wᵀ for one to eight rows.</summary>
    public void Few(in LinearView linear, bool isFourBit, bool isGated, Matrix x, Matrix y, AdaptersView adapters)
    {
        var kernel = Take(
            _few, $"few_rows_{(isFourBit ? "four_bit" : "dense")}_{(x.Rows <= 4 ? 4 : 8)}{Gated(isGated)}",
            isFourBit ? FewFourBitBytes : FewBytes, 1);
        var tiles = Tiles(linear, isGated, FewTileRows);
        kernel.Launch(
            FewBlocks(tiles), FewThreads, linear, new MatrixView(x), new MatrixView(y), IsFloat(y), adapters, tiles);
    }

    /// <summary>
    /// Whether <see cref="Few"/> multiplies by A of the adapters itself: its blocks then wait for each other, so that
    /// the device must hold all of them.
    /// </summary>
    /// <param name="linear">The product.</param>
    /// <param name="isGated">Whether it is of gate and up.</param>
    /// <param name="hidden">Rows of x times the highest sum of ranks.</param>
    public bool ProjectsDown(in LinearView linear, bool isGated, int hidden)
    {
        var blocks = FewBlocks(Tiles(linear, isGated, FewTileRows));
        return blocks <= _device.Multiprocessors && hidden <= Math.Min(MostHidden, MostShares * blocks);
    }

    /// <summary>Queues y = x Wᵀ for up to <see cref="ManyRows"/> rows and 4-bit weights.</summary>
    public void Many(in LinearView linear, bool isGated, Matrix x, Matrix y, AdaptersView adapters)
    {
        var groups = x.Rows <= 8 ? 1 : x.Rows <= 16 ? 2 : x.Rows <= 32 ? 4 : 8;
        var (down, split) = Spread(groups, Tiles(linear, isGated, 32), linear.Columns);
        var kernel = Take(_product, $"product_{groups}_{down}{Gated(isGated)}", BytesOf(groups, down), split);
        kernel.Launch(
            (long)Tiles(linear, isGated, 32 * down) * split, Threads, linear, new MatrixView(x),
            new MatrixView(y), IsFloat(y), adapters);
    }

    private int FewBlocks(int tiles) =>
        Math.Max(Math.Min(tiles, _device.Multiprocessors), (tiles + MostTiles - 1) / MostTiles);

    /// <summary>1 where a matrix is float32.</summary>
    public static int IsFloat(Matrix matrix) => matrix.ElementType == torch.ScalarType.Float32 ? 1 : 0;

    /// <summary>
    /// Warps below each other in a tile, and blocks that divide its columns: as many blocks as the device holds at
    /// once, as measured on an H200.
    /// </summary>
    /// <param name="groups">Eights of rows of x.</param>
    /// <param name="tiles">Tiles of 32 rows.</param>
    /// <param name="columns">Of the weights.</param>
    private (int Down, int Split) Spread(int groups, int tiles, int columns)
    {
        var all = _device.Multiprocessors;
        var (down, split) = groups switch
        {
            1 => (1, tiles <= all ? 2 : 1),
            2 => (2, 3 * tiles <= 4 * all ? 3 : 1),
            4 => (4, 3 * tiles <= 4 * all ? 6 : 2),
            _ when tiles <= 2 * all => (2, 2),
            _ => (4, tiles <= 4 * all ? 1 : 2),
        };
        var steps = (columns + 512 / down - 1) / (512 / down);
        return (down, _device.Capability >= LeastCapabilityOfClusters ? Math.Min(split, steps) : 1);
    }

    private static int BytesOf(int groups, int down)
    {
        var (across, rows) = (8 / down, 32 * down);
        var share = rows * 32 + (across > 2 ? 32 : 64) + groups * 1024 + 4 * (rows + 4);
        return TableBytes + Stages * share * across;
    }

    private CudaKernel Take(CudaModule module, string name, int sharedBytes, int cluster)
    {
        var key = $"{name} {cluster}";
        if (!_kernels.TryGetValue(key, out var kernel))
            _kernels[key] = kernel = module.Kernel(name, startsEarly: true).With(sharedBytes, cluster);
        return kernel;
    }

    private static int Tiles(in LinearView linear, bool isGated, int height)
    {
        if (isGated)
            return (linear.All[0].Rows + height / 2 - 1) / (height / 2);
        var tiles = 0;
        for (var i = 0; i < linear.Count; i++)
            tiles += (linear.All[i].Rows + height - 1) / height;
        return tiles;
    }

    private static string Gated(bool isGated) => isGated ? "_gated" : "";

    private static unsafe bool IsDense(FrozenWeight weight) =>
        weight is DenseWeight { Value: var value } && value.dtype == torch.ScalarType.BFloat16
        && value.stride(1) == 1 && value.stride(0) * sizeof(ushort) % Aligned == 0
        && (nint)TensorMemory.Address(value) % Aligned == 0;

    private static unsafe bool IsFourBit(FrozenWeight weight) =>
        weight is FourBitWeight fourBit && fourBit.BlockSize >= SmallestBlock
        && (nint)TensorMemory.Address(fourBit.Packed) % Aligned == 0;
}
