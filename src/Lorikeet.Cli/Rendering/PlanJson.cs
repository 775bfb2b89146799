using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Formats.Options;
using Lorikeet.Models.Passes;
using Lorikeet.Training.Planning;

namespace Lorikeet.Cli.Rendering;

/// <summary>A plan for programs; figures that <c>bench train</c> measures have its names.</summary>
internal static class PlanJson
{
    public static JsonObject Of(RunPlan plan, ScalePlan? scale = null)
    {
        var (memory, speed) = (plan.Memory, plan.Speed);
        var result = new JsonObject
        {
            ["model"] = plan.Model,
            ["device"] = plan.Device,
            ["model_parameters"] = plan.ModelParameters,
            ["trainable_parameters"] = plan.TrainableParameters,
            ["optimized"] = plan.IsOptimized,
            ["per_device_train_batch_size"] = plan.BatchSize,
            ["gradient_accumulation_steps"] = plan.GradientAccumulation,
            ["num_processes"] = plan.Ranks,
            ["gradient_checkpointing"] = WireNames.Of(plan.Checkpointing),
            ["recomputed_layers"] = memory.RecomputedLayers,
            ["layers"] = plan.Layers,
            ["logit_rows"] = memory.LogitRows,
            ["largest_batch_tokens"] = plan.Batches.LargestBatch,
            ["tokens_per_step"] = Math.Round(plan.Batches.TokensPerStep, 1),
            ["steps"] = plan.Batches.Steps,
            ["data_shape"] = plan.DataShape,
            ["first_row"] = plan.FirstRow,
            ["memory"] = Memory(memory),
            ["weights_gb"] = Gigabytes(memory.Weights),
            ["with_adapters_gb"] = Gigabytes(memory.Weights + memory.Adapters + memory.Gradients
                + memory.OptimizerStates),
            ["peak_memory_gb"] = Gigabytes(memory.Total),
            ["free_bytes"] = plan.FreeBytes,
            ["fits"] = plan.FreeBytes is { } free ? memory.Total <= free : null,
            ["tokens_per_second"] = Rounded(speed?.TokensPerSecond, 1),
            ["step_ms"] = Rounded(speed?.StepSeconds * 1000, 2),
            ["run_seconds"] = Rounded(speed?.RunSeconds, 1),
            ["gemm_tflops"] = Rounded(speed?.GemmRate / 1e12, 3),
            ["copy_gb_per_second"] = Rounded(speed?.CopyRate / 1e9, 1),
            ["notes"] = new JsonArray([.. plan.Notes.Select(note => (JsonNode)note)]),
        };
        if (scale is not null)
            result["scale"] = Scale(scale);
        return result;
    }

    private static JsonObject Scale(ScalePlan scale) => new()
    {
        ["nodes"] = scale.Nodes,
        ["gpus_per_node"] = scale.GpusPerNode,
        ["gpus"] = scale.Gpus,
        ["bytes_per_gpu"] = scale.BytesPerGpu,
        ["sent_bytes_per_step"] = Math.Round(scale.SentPerStep),
        ["step_ms"] = Math.Round(scale.StepSeconds * 1000, 3),
        ["tokens_per_second"] = Math.Round(scale.TokensPerSecond, 1),
        ["efficiency"] = Math.Round(scale.Efficiency, 4),
    };

    private static JsonObject Memory(MemoryPlan memory) => new()
    {
        ["weights"] = memory.Weights,
        ["adapters"] = memory.Adapters,
        ["gradients"] = memory.Gradients,
        ["optimizer_states"] = memory.OptimizerStates,
        ["adapter_copies"] = memory.AdapterCopies,
        ["kept_activations"] = memory.KeptActivations,
        ["recomputed_activations"] = memory.RecomputedActivations,
        ["shared_buffers"] = memory.SharedBuffers,
        ["weight_and_logits"] = memory.WeightAndLogits,
        ["attention"] = memory.Attention,
        ["libraries"] = memory.Libraries,
        ["offloaded_to_host"] = memory.OffloadedToHost,
        ["total"] = memory.Total,
    };

    private static double Gigabytes(long bytes) => Math.Round(bytes / 1e9, 3);

    private static double? Rounded(double? value, int digits) => value is { } known ? Math.Round(known, digits) : null;
}
