namespace Lorikeet.Models.Decoder;

/// <summary>
/// A stretch of code that a model runs without its adapter; disposing it puts back what was active before.
/// </summary>
internal sealed class AdapterScope : IDisposable
{
    private readonly DecoderModel _model;
    private ModelAdapter? _before;

    /// <summary>Takes off what is active.</summary>
    public AdapterScope(DecoderModel model)
    {
        (_model, _before) = (model, model.Active);
        model.Active = null;
    }

    /// <summary>Puts it back, unless it was unloaded meanwhile. A second call does nothing.</summary>
    public void Dispose()
    {
        if (_before is { IsDisposed: false } before)
            _model.Active = before;
        _before = null;
    }
}
