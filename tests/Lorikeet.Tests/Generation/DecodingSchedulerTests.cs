using Lorikeet.Models.Decoder;
using Lorikeet.Models.Generation;
using Lorikeet.Models.Native;
using Lorikeet.Models.Passes.Decoding;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Generation;

/// <summary>Whatever joins, leaves, waits and shares: every answer is the one of its request alone.</summary>
public sealed class DecodingSchedulerTests
{
    [Theory]
    [InlineData("llama2")]
    [InlineData("gqa")]
    [InlineData("mqa_tied_bias")]
    [InlineData("headdim")]
    [InlineData("llama3")]
    [InlineData("mistral_swa")]
    [InlineData("qwen2")]
    [InlineData("qwen3")]
    [InlineData("rope_linear")]
    [InlineData("rope_dynamic")]
    [InlineData("yarn")]
    public void PromptsReadInParts_BesideOthers_GiveTheTokensOfEachAlone(string name)
    {
        using var model = ScheduledRuns.Load(name);
        int[] lengths = [1, 15, 16, 17, 31, 32, 33, 60];
        DecodingRequest[] requests =
            [.. lengths.Select((length, i) => ScheduledRuns.Request(ScheduledRuns.Prompt(length, i), 5 + 6 * i))];
        var plan = ScheduledRuns.Plan(sequences: 5, stepTokens: 9, whole: name == "rope_dynamic");
        ScheduledRuns.RequireAnswers(model, plan, requests, i => 2 * i);
        ScheduledRuns.RequireAnswers(model, plan, requests, i => 2 * i, isOptimized: false);
    }

    [Theory]
    [InlineData(15)]
    [InlineData(16)]
    [InlineData(17)]
    [InlineData(32)]
    public void AnswersThatEndAtTheEndOfABlock_AreWhole(int promptLength)
    {
        using var model = ScheduledRuns.Load();
        DecodingRequest[] requests = [.. new[] { 1, 2, 15, 16, 17, 32, 33 }
            .Select(count => ScheduledRuns.Request(ScheduledRuns.Prompt(promptLength, seed: 1), count))];
        ScheduledRuns.RequireAnswers(model, ScheduledRuns.Plan(), requests);
    }

    [Fact]
    public void SequencesOfOneBeginning_ReadItOnce_ThoughTheyComeTogether()
    {
        using var model = ScheduledRuns.Load();
        var beginning = ScheduledRuns.Prompt(40, seed: 1); // two whole blocks
        DecodingRequest[] requests = [.. Enumerable.Range(0, 8)
            .Select(i => ScheduledRuns.Request([.. beginning, .. ScheduledRuns.Prompt(5, seed: 10 + i)], 12))];
        var statistics = ScheduledRuns.RequireAnswers(model, ScheduledRuns.Plan(stepTokens: 24), requests);
        Assert.Equal(7 * 32, statistics.CachedTokens);
        Assert.Equal(8 * 45 - 7 * 32, statistics.PromptTokens);

        var apart = ScheduledRuns.RequireAnswers(model, ScheduledRuns.Plan(stepTokens: 24, shares: false), requests);
        Assert.Equal((0, 8 * 45), (apart.CachedTokens, apart.PromptTokens));
    }

    [Theory]
    [InlineData(16, 0)]
    [InlineData(17, 16)]
    [InlineData(32, 16)] // the last token is read for its logits, so its block is not shared
    [InlineData(33, 32)]
    public void EqualPrompts_ShareAllButTheirEnd_AndAreDrawnDifferently(int length, int shared)
    {
        using var model = ScheduledRuns.Load();
        var options = new GenerationOptions { MaxNewTokens = 20, Sample = true, TopK = 0, Seed = 5 };
        DecodingRequest[] requests = [.. Enumerable.Range(0, 6).Select(i => new DecodingRequest
        {
            Prompt = ScheduledRuns.Prompt(length, seed: 2), Options = options, Repetition = i,
        })];
        var (sequences, statistics) = ScheduledRuns.Run(model, ScheduledRuns.Plan(), requests);
        Assert.Equal(5 * shared, statistics.CachedTokens);
        Assert.Equal(6, sequences.Select(sequence => string.Join(' ', sequence.Row.Ids.ToArray())).Distinct().Count());
        var asRows = new TextGenerator(model, null).Generate(
            [.. requests.Select(request => (int[])[.. request.Prompt])], options);
        Assert.Equal(
            asRows.Continuations.Select(row => row.OutputIds.ToArray()),
            sequences.Select(sequence => sequence.Row.Ids[length..].ToArray()));
    }

    [Fact]
    public void AnAnswer_IsSharedWithTheTurnThatFollowsIt()
    {
        using var model = ScheduledRuns.Load();
        using var scheduler = new DecodingScheduler(model, ScheduledRuns.Plan());
        var first = ScheduledRuns.Request(ScheduledRuns.Prompt(20, seed: 3), 30);
        var answer = Finish(
            scheduler, DecodingSequence.Of(first, model, null, 256)).Row.Ids.ToArray(); // 50, of which 49 were read
        var next = Finish(scheduler, DecodingSequence.Of(
            ScheduledRuns.Request([.. answer, 7, 8], 4), model, null, 256));
        Assert.Equal(48, next.CachedTokens);
        Assert.Equal(
            ScheduledRuns.Alone(model, ScheduledRuns.Request([.. answer, 7, 8], 4)), next.Row.Ids[52..].ToArray());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void WithTooFewBlocks_TheYoungestGiveWay_AndAnswerTheSame(bool shares)
    {
        using var model = ScheduledRuns.Load();
        DecodingRequest[] requests = [.. Enumerable.Range(0, 6)
            .Select(i => ScheduledRuns.Request(ScheduledRuns.Prompt(10 + i, seed: i), 200))];
        var statistics = ScheduledRuns.RequireAnswers(
            model, ScheduledRuns.Plan(blocks: 34, sequences: 6, shares: shares), requests);
        Assert.True(statistics.Preemptions > 0);
    }

    [Fact]
    public void TheLongestSequence_FillsACacheOfItsSize_BesideOthersThatWait()
    {
        using var model = ScheduledRuns.Load();
        var plan = ScheduledRuns.Plan(blocks: 16, length: 256);
        DecodingRequest[] requests =
        [
            ScheduledRuns.Request(ScheduledRuns.Prompt(30, seed: 1), 20),
            ScheduledRuns.Request(ScheduledRuns.Prompt(100, seed: 2), 156),
            ScheduledRuns.Request(ScheduledRuns.Prompt(255, seed: 3), 1),
            ScheduledRuns.Request(ScheduledRuns.Prompt(30, seed: 4), 20),
        ];
        ScheduledRuns.RequireAnswers(model, plan, requests);
        var fault = Assert.Throws<ContextLengthException>(() => DecodingSequence.Of(
            ScheduledRuns.Request(ScheduledRuns.Prompt(255, seed: 3), 2), model, null, plan.MaxLength));
        Assert.Contains("has 255 tokens and 2 are to be added, and 256 fit (max_model_len)", fault.Message);
    }

    [Fact]
    public void SequencesOfManyAdapters_AreDecodedTogether_EachWithItsOwnBlocks()
    {
        using var model = ScheduledRuns.Load();
        ModelAdapter?[] adapters =
        [
            null, ScheduledRuns.Attach(model, "all"), ScheduledRuns.Attach(model, "dora"),
            ScheduledRuns.Attach(model, "modules_to_save"), ScheduledRuns.Attach(model, "head"),
        ];
        DecodingRequest[] requests = [.. Enumerable.Range(0, 10)
            .Select(i => ScheduledRuns.Request(ScheduledRuns.Prompt(37, seed: i / 5), 20, adapters[i % 5]))];
        var statistics = ScheduledRuns.RequireAnswers(model, ScheduledRuns.Plan(stepTokens: 30), requests, i => i / 3);
        Assert.Equal(0, statistics.CachedTokens); // equal prompts, but read with other weights
    }

    [Fact]
    public void WhatWasReadWithOldNumbers_IsNotUsedAfterRefresh()
    {
        using var model = ScheduledRuns.Load();
        var adapter = ScheduledRuns.Attach(model, "seed_qv");
        using var scheduler = new DecodingScheduler(model, ScheduledRuns.Plan());
        var request = ScheduledRuns.Request(ScheduledRuns.Prompt(40, seed: 6), 12, adapter);
        DecodingSequence Ask() => Finish(scheduler, DecodingSequence.Of(request, model, null, 256));

        var before = Ask();
        Assert.Equal(32, Ask().CachedTokens);
        using (no_grad())
            foreach (var parameter in adapter.Parameters)
                parameter.Value.Scale(-3);
        scheduler.Refresh(adapter);
        var after = Ask();
        Assert.Equal(0, after.CachedTokens);
        Assert.NotEqual(before.Row.Ids.ToArray(), after.Row.Ids.ToArray());
        Assert.Equal(ScheduledRuns.Alone(model, request), after.Row.Ids[40..].ToArray());
    }

    [Fact]
    public void WhoWaitedOrRead_WhileNumbersChanged_NeitherTakesNorGivesWhatWasReadWithOldOnes()
    {
        using var model = ScheduledRuns.Load();
        var adapter = ScheduledRuns.Attach(model, "seed_qv");
        using var scheduler = new DecodingScheduler(model, ScheduledRuns.Plan(sequences: 1, stepTokens: 24));
        var request = ScheduledRuns.Request(ScheduledRuns.Prompt(60, seed: 6), 12, adapter);
        DecodingSequence Of() => DecodingSequence.Of(request, model, null, 256);

        var (reading, waiting) = (Of(), Of());
        scheduler.Add(reading);
        scheduler.Add(waiting);
        scheduler.Step(); // the first has read a part, the other knows what it could share
        Assert.Equal((24, 0), (reading.Read, waiting.Read));
        using (no_grad())
            foreach (var parameter in adapter.Parameters)
                parameter.Value.Scale(-3);
        scheduler.Refresh(adapter);
        var after = Of();
        scheduler.Add(after);
        while (scheduler.HasWork)
            scheduler.Step();

        var expected = ScheduledRuns.Alone(model, request);
        Assert.Equal(0, waiting.CachedTokens);
        Assert.Equal(expected, waiting.Row.Ids[60..].ToArray());
        Assert.Equal(48, after.CachedTokens); // what was read with new numbers is shared again
        Assert.Equal(expected, after.Row.Ids[60..].ToArray());
    }

    [Fact]
    public void MoreAdaptersThanAStepHolds_WaitForEachOther()
    {
        using var model = ScheduledRuns.Load();
        const int count = BatchAdapters.Most + 4;
        DecodingRequest[] requests = [.. Enumerable.Range(0, count).Select(i => ScheduledRuns.Request(
            ScheduledRuns.Prompt(2 + i % 3, seed: i % 3), 2, ScheduledRuns.Attach(model, "seed_qv")))];
        var plan = ScheduledRuns.Plan(blocks: 2 * count, sequences: count, stepTokens: 4 * count);
        var (sequences, _) = ScheduledRuns.Run(model, plan, requests);
        for (var i = 0; i < count; i++)
            Assert.Equal(sequences[i % 3].Row.Ids.ToArray(), sequences[i].Row.Ids.ToArray());
        Assert.Equal(ScheduledRuns.Alone(model, requests[0]), sequences[0].Row.Ids[2..].ToArray());
    }

    [Fact]
    public void PromptsThatAreScored_ShareTheLogitsOfAStep()
    {
        using var model = ScheduledRuns.Load();
        DecodingRequest[] requests = [.. Enumerable.Range(0, 6).Select(i =>
            ScheduledRuns.Request(ScheduledRuns.Prompt(200, seed: i), 3) with
            {
                TopLogProbabilities = 0,
                PromptLogProbabilities = true,
                ScoresOnly = i % 2 == 0,
            })];
        var (sequences, statistics) = ScheduledRuns.Run(model, ScheduledRuns.Plan(stepTokens: 4096), requests);
        Assert.InRange(statistics.Steps, 6 * 199 / CachePlan.MostScored, 12);
        Assert.Equal(3 * 3, statistics.CompletionTokens);
        foreach (var (sequence, request) in sequences.Zip(requests))
        {
            Assert.Equal(request.ScoresOnly ? 200 : 203, sequence.Row.Length);
            using var logits = model.Forward([.. request.Prompt], [0, 200]);
            using var expected = logits.to_type(ScalarType.Float64).log_softmax(1);
            for (var i = 0; i < 199; i++)
                Assert.Equal(
                    expected[i, request.Prompt[i + 1]].item<double>(), sequence.Prompt![i].LogProbability, 1e-4);
        }
    }

    [Fact]
    public void ACancelledSequence_GivesItsBlocksBackAtOnce()
    {
        using var model = ScheduledRuns.Load();
        using var scheduler = new DecodingScheduler(model, ScheduledRuns.Plan(sequences: 3, stepTokens: 20));
        var kept = DecodingSequence.Of(ScheduledRuns.Request(ScheduledRuns.Prompt(9, seed: 1), 40), model, null, 256);
        DecodingSequence[] gone = [.. new[] { 10, 100, 8, 9 }.Select(length => DecodingSequence.Of(
            ScheduledRuns.Request(ScheduledRuns.Prompt(length, seed: length), 100),
            model, null, 256))]; // the last ones wait
        foreach (var sequence in gone.Prepend(kept))
            scheduler.Add(sequence);
        for (var i = 0; i < 3; i++)
            scheduler.Step();
        Assert.Equal((3, 2), (scheduler.Statistics.Running, scheduler.Statistics.Queued));
        foreach (var sequence in gone)
            sequence.Cancel();
        scheduler.Step();
        Assert.Equal(
            (1, 0, 1), (scheduler.Statistics.Running, scheduler.Statistics.Queued, scheduler.Statistics.BlocksUsed));
        Assert.All(gone, sequence => Assert.Equal(FinishReason.Cancelled, sequence.Row.Finish));
        while (scheduler.HasWork)
            scheduler.Step();
        Assert.Equal(0, scheduler.Statistics.BlocksUsed);
        Assert.Equal(
            ScheduledRuns.Alone(model, ScheduledRuns.Request(ScheduledRuns.Prompt(9, seed: 1), 40)),
            kept.Row.Ids[9..].ToArray());
    }

    [Fact]
    public void ANewRequest_WaitsForItsOwnPromptOnly_WhileOthersDecodeAndReadLongOnes()
    {
        using var model = ScheduledRuns.Load();
        using var scheduler = new DecodingScheduler(
            model, ScheduledRuns.Plan(blocks: 1000, sequences: 40, stepTokens: 64));
        DecodingSequence Add(int length, int seed, int count)
        {
            var sequence = DecodingSequence.Of(
                ScheduledRuns.Request(ScheduledRuns.Prompt(length, seed), count), model, null, 256);
            scheduler.Add(sequence);
            return sequence;
        }

        DecodingSequence[] decoding = [.. Enumerable.Range(0, 32).Select(i => Add(3, i, 200))];
        while (decoding.Any(sequence => sequence.Unread > 1))
            scheduler.Step();
        var longer = Add(250, 100, 3);
        scheduler.Step();
        var shorter = Add(12, 101, 3);
        var lengths = decoding.Select(sequence => sequence.Row.Length).ToArray();
        scheduler.Step();
        Assert.Equal(13, shorter.Row.Length); // 16 of the 32 tokens beside those that decode were its own to take
        Assert.Equal(lengths.Select(length => length + 1), decoding.Select(sequence => sequence.Row.Length));

        for (var i = 0; longer.Row.Length == 250; i++)
        {
            Add(12, 200 + i, 1); // short ones without end do not starve it
            scheduler.Step();
            Assert.True(i < 16);
        }
    }

    [Fact]
    public void MixedTraffic_GivesEveryRequestItsOwnAnswer()
    {
        using var model = ScheduledRuns.Load();
        ModelAdapter?[] adapters =
            [null, null, ScheduledRuns.Attach(model, "all"), ScheduledRuns.Attach(model, "dora")];
        var random = new Random(11);
        DecodingRequest[] requests = [.. Enumerable.Range(0, 200).Select(i => new DecodingRequest
        {
            // Few beginnings, many ends.
            Prompt = [.. ScheduledRuns.Prompt(random.Next(0, 50), seed: random.Next(4)),
                .. ScheduledRuns.Prompt(random.Next(1, 30), 100 + i)],
            Adapter = adapters[random.Next(4)],
            Options = new GenerationOptions
            {
                MaxNewTokens = random.Next(14) == 0 ? 170 : random.Next(1, 12),
                Sample = random.Next(2) == 0,
                Temperature = random.Next(1, 4) / 2.0,
                TopK = random.Next(3) * 10,
                TopP = random.Next(2) == 0 ? 1 : 0.8,
                RepetitionPenalty = random.Next(3) == 0 ? 1.2 : 1,
                EndTokens = random.Next(2) == 0 ? [] : [.. Enumerable.Range(0, 10)],
                MinNewTokens = random.Next(5),
                Seed = random.Next(100),
            },
        })];
        var statistics = ScheduledRuns.RequireAnswers(
            model, ScheduledRuns.Plan(blocks: 24, sequences: 20, stepTokens: 48), requests, i => i / 3);
        Assert.True(statistics.Preemptions > 0 && statistics.CachedTokens > 0, $"{statistics}");
    }

    [Fact]
    public void ARowThatHasNoToken_FailsAlone()
    {
        using var model = ScheduledRuns.Load();
        DecodingRequest[] requests =
        [
            ScheduledRuns.Request(ScheduledRuns.Prompt(9, seed: 1), 8),
            ScheduledRuns.Request(ScheduledRuns.Prompt(9, seed: 2), 8)
                with { LogitBias = Enumerable.Range(0, 320).ToDictionary(id => id, _ => float.NegativeInfinity) },
        ];
        var (sequences, _) = ScheduledRuns.Run(model, ScheduledRuns.Plan(), requests);
        Assert.Equal(ScheduledRuns.Alone(model, requests[0]), sequences[0].Row.Ids[9..].ToArray());
        Assert.Contains("At least one finite value was expected", sequences[1].Fault!.Message);
    }

    [Fact]
    public void NoTensorIsLeft()
    {
        using var model = ScheduledRuns.Load();
        DecodingRequest[] requests = [.. Enumerable.Range(1, 5).Select(
            i => ScheduledRuns.Request(ScheduledRuns.Prompt(7 * i, seed: i), 9))];
        ScheduledRuns.Run(model, ScheduledRuns.Plan(), requests); // tables of the model are made at first use
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        ScheduledRuns.Run(model, ScheduledRuns.Plan(), requests);
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    private static DecodingSequence Finish(DecodingScheduler scheduler, DecodingSequence sequence)
    {
        scheduler.Add(sequence);
        while (scheduler.HasWork)
            scheduler.Step();
        return sequence;
    }
}
