using Lorikeet.Data;
using Lorikeet.Data.Batches;

namespace Lorikeet.Tests.Data;

/// <summary>Preference data in its shapes becomes pairs and labelled answers, or is refused.</summary>
public sealed class PreferenceRowTests : IDisposable
{
    private readonly DataFixture _data = new();

    public void Dispose() => _data.Dispose();

    [Theory]
    [InlineData(
        """{"prompt":"Hi","chosen":"Yo","rejected":"No"}""", "<s> ### Human: Hi ### Assistant:⟦ Yo</s>⟧",
        "<s> ### Human: Hi ### Assistant:⟦ No</s>⟧")]
    [InlineData(
        """{"prompt":[{"role":"user","content":"A"},{"role":"assistant","content":"B"},{"role":"user","content":"Hi"}],"chosen":[{"role":"assistant","content":"Yo"}],"rejected":[{"role":"assistant","content":"No"}]}""",
        "<s> ### Human: A ### Assistant: B ### Human: Hi ### Assistant:⟦ Yo</s>⟧",
        "<s> ### Human: A ### Assistant: B ### Human: Hi ### Assistant:⟦ No</s>⟧")]
    [InlineData(
        """{"chosen":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Yo"}],"rejected":[{"role":"user","content":"Hi"},{"role":"assistant","content":"No"}]}""",
        "<s> ### Human: Hi ### Assistant:⟦ Yo</s>⟧", "<s> ### Human: Hi ### Assistant:⟦ No</s>⟧")]
    [InlineData(
        """{"chosen":"\n\nHuman: A\n\nAssistant: B\n\nHuman: Hi\n\nAssistant: Yo","rejected":"\n\nHuman: A\n\nAssistant: B\n\nHuman: Hi\n\nAssistant: No"}""",
        "<s> ### Human: A ### Assistant: B ### Human: Hi ### Assistant:⟦ Yo</s>⟧",
        "<s> ### Human: A ### Assistant: B ### Human: Hi ### Assistant:⟦ No</s>⟧")]
    [InlineData(
        """{"chosen":"The sky is blue.","rejected":"The sky is blank."}""", "<s> The sky is⟦ blue.</s>⟧",
        "<s> The sky is⟦ blank.</s>⟧")]
    [InlineData(
        """{"conversations":[{"from":"human","value":"Hi"}],"chosen":{"from":"gpt","value":"Yo"},"rejected":{"from":"gpt","value":"No"}}""",
        "<s> ### Human: Hi ### Assistant:⟦ Yo</s>⟧", "<s> ### Human: Hi ### Assistant:⟦ No</s>⟧")]
    public void Pair_IsDividedIntoPromptAndAnswers(string row, string chosen, string rejected)
    {
        var read = Load(PreferenceUse.Pairs, row).Single();
        var (prompt, start, _) = read.Preference!;
        var second = start!.Value;
        Assert.Equal(chosen, DataFixture.Show(new TrainingRow(read.Ids[..second], read.Labels[..second])));
        Assert.Equal(rejected, DataFixture.Show(new TrainingRow(read.Ids[second..], read.Labels[second..])));
        Assert.Equal(read.Ids[..prompt], read.Ids[second..(second + prompt)]);
        Assert.All(read.Labels[..prompt], label => Assert.Equal(TrainingRow.Ignored, label));
        Assert.Equal([0, second, read.Length], Batch.FromRows([read]).SegmentStarts);

        // Learned as labelled answers, a pair is two of them.
        var labelled = Load(PreferenceUse.Labels, row);
        Assert.Equal([true, false], labelled.Select(each => each.Preference!.IsDesirable));
        Assert.Equal([chosen, rejected], labelled.Select(DataFixture.Show));
        Assert.Null(Load(PreferenceUse.None, row).Single().Preference);
    }

    [Theory]
    [InlineData("""{"prompt":"Hi","completion":" Yo","label":LABEL}""", "<s> Hi⟦ Yo</s>⟧")]
    [InlineData(
        """{"prompt":[{"role":"user","content":"A"},{"role":"assistant","content":"B"},{"role":"user","content":"Hi"}],"completion":[{"role":"assistant","content":"Yo"}],"label":LABEL}""",
        "<s> ### Human: A ### Assistant: B ### Human: Hi ### Assistant:⟦ Yo</s>⟧")]
    [InlineData(
        """{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Yo"}],"kto_tag":LABEL}""",
        "<s> ### Human: Hi ### Assistant:⟦ Yo</s>⟧")]
    public void LabelledAnswer_IsRead(string row, string shown)
    {
        foreach (var (label, isWanted) in new[] { ("true", true), ("false", false), ("\"False\"", false) })
        {
            var read = Load(PreferenceUse.Labels, row.Replace("LABEL", label)).Single();
            Assert.Equal((shown, isWanted), (DataFixture.Show(read), read.Preference!.IsDesirable));
            Assert.Null(read.Preference.RejectedStart);
        }
    }

    [Fact]
    public void TokenIds_AreTakenAsTheyAre()
    {
        var pair = Load(
            PreferenceUse.Pairs, """{"prompt_ids":[7,8],"chosen_ids":[9,10],"rejected_ids":[11]}""").Single();
        Assert.Equal([7, 8, 9, 10, 7, 8, 11], pair.Ids);
        Assert.Equal([-100, -100, 9, 10, -100, -100, 11], pair.Labels);
        Assert.Equal(new RowPreference(2, 4, true), pair.Preference);
        var answer = Load(
            PreferenceUse.Labels, """{"prompt_ids":[7,8],"completion_ids":[9,10],"label":false}""").Single();
        Assert.Equal([7, 8, 9, 10], answer.Ids);
        Assert.Equal(new RowPreference(2, null, false), answer.Preference);
    }

    /// <summary>Both sides keep the prompt they share, whatever is cut.</summary>
    [Theory]
    [InlineData(TruncationMode.KeepStart, new[] { 7, 8, 9, 10, 11, 7, 8, 9, 12 })]
    [InlineData(TruncationMode.KeepEnd, new[] { 8, 9, 10, 11, 13, 8, 9, 12 })]
    public void LongPair_IsCut(TruncationMode mode, int[] expected)
    {
        const string row = """{"prompt_ids":[7,8,9],"chosen_ids":[10,11,13],"rejected_ids":[12]}""";
        var options = new DataOptions { MaxLength = 5, Truncation = mode, Preferences = PreferenceUse.Pairs };
        Assert.Equal(expected, DataFixture.Load(_data.Write("a.jsonl", row), options).Train.Single().Ids);
    }

    [Theory]
    [InlineData("""{"prompt":"Hi","chosen":"Yo","rejected":"Yo"}""", "the same")]
    [InlineData("""{"prompt":"Hi","chosen":"Yo","rejected":""}""", "no rejected answer")]
    [InlineData("""{"chosen":"Blue.","rejected":"Red."}""", "chosen and rejected do not begin with the same prompt")]
    [InlineData(
        """{"chosen":[{"role":"user","content":"A"},{"role":"assistant","content":"Yo"}],"rejected":[{"role":"user","content":"B"},{"role":"assistant","content":"No"}]}""",
        "do not begin with the same prompt")]
    [InlineData("""{"prompt":"Hi","completion":"Yo"}""", "hold none (prompt_completion: prompt, completion)")]
    public void WorthlessPairs_AreRefused(string row, string reason) => Assert.Contains(
        reason, Assert.Throws<DatasetException>(() => Load(PreferenceUse.Pairs, row)).Message);

    [Fact]
    public void AnswersWithoutLabels_AreRefused() => Assert.Contains(
        "hold no such label", Assert.Throws<DatasetException>(
            () => Load(PreferenceUse.Labels, """{"prompt":"Hi","completion":"Yo"}""")).Message);

    [Fact]
    public void LabelsThatAreAllAlike_AreWarnedOf()
    {
        var file = _data.Write("a.jsonl", """{"prompt":"Hi","completion":"Yo","label":true}""");
        var data = DataFixture.Load(file, new DataOptions { Preferences = PreferenceUse.Labels });
        Assert.Contains(data.Warnings, warning => warning.Contains("labelled as wanted"));
    }

    private IReadOnlyList<TrainingRow> Load(PreferenceUse use, string row) =>
        DataFixture.Load(_data.Write("a.jsonl", row), new DataOptions { Preferences = use }).Train;
}
