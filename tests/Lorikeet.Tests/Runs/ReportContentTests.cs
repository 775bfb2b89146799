using Lorikeet.Configuration;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Lora;
using Lorikeet.Runs;
using Lorikeet.Runs.Reports;
using Lorikeet.Training;

namespace Lorikeet.Tests.Runs;

public sealed class ReportContentTests
{
    [Fact]
    public void Settings_AreThoseThatShapeTheResult_AndThoseThatSomebodySet()
    {
        var resolved = ResolvedOptions.FromCode(new TrainingOptions
        {
            Model = new ModelOptions { Model = "nano" },
            Lora = new LoraOptions { Rank = 7 },
            Evaluation = new EvaluationOptions { EvalSteps = 13 },
        }, needsData: false);

        var settings = ReportSettings.Of(resolved).ToDictionary(setting => setting.Name);

        Assert.Equal(new ReportSetting("lora_r", "7", "code"), settings["lora_r"]);
        Assert.Equal("default", settings["learning_rate"].Origin);
        Assert.Equal(new ReportSetting("eval_steps", "13", "code"), settings["eval_steps"]);
        Assert.DoesNotContain("model", settings.Keys);
        Assert.Empty(ReportSettings.Always.Except(settings.Keys));
    }
}
