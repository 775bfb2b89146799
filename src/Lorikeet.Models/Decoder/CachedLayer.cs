using static TorchSharp.torch;

namespace Lorikeet.Models.Decoder;

/// <summary>Keys and values of a layer: [rows, keyValueHeads, capacity, headSize] each.</summary>
internal readonly record struct CachedLayer(Tensor Keys, Tensor Values);
