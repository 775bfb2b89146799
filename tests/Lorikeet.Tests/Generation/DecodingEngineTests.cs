using Lorikeet.Models.Decoder;
using Lorikeet.Models.Generation;
using Lorikeet.Models.Lora;
using Lorikeet.Testing;
using Lorikeet.Text.Tokenization;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Generation;

/// <summary>Requests of many callers at once.</summary>
public sealed class DecodingEngineTests : IDisposable
{
    private static readonly GenerationOptions s_long = new() { MaxNewTokens = 200 };

    private readonly DecoderModel _model = ScheduledRuns.Load();

    public void Dispose() => _model.Dispose();

    [Fact]
    public async Task CallersOfManyThreads_GetTheirAnswers()
    {
        await using var engine = new DecodingEngine(
            _model, null, new EngineOptions { MaxSequences = 6, CacheBytes = 1 << 20 });
        DecodingRequest[] requests = [.. Enumerable.Range(0, 40).Select(i => new DecodingRequest
        {
            Prompt = ScheduledRuns.Prompt(1 + i, seed: i),
            Options = new GenerationOptions { MaxNewTokens = 12, Sample = i % 2 == 0, TopK = 0, Seed = i },
        })];
        var answers = await Task.WhenAll(requests.Select(request => Task.Run(() => Answer(engine, request))));
        Assert.Equal(requests.Select(request => ScheduledRuns.Alone(_model, request)), answers);
        Assert.Equal((0, 0, 0), (engine.Statistics.BlocksUsed, engine.Statistics.Running, engine.Statistics.Queued));
        Assert.Equal(40 * 12, engine.Statistics.CompletionTokens);
    }

    [Fact]
    public async Task ThePieces_AreTheText_AndTheLastHasItsUsage()
    {
        var folder = TestAssets.Asset("models", "stories260K");
        var tokenizer = Tokenizer.Load(folder);
        using var model = Lorikeet.Models.Checkpoints.ModelLoader.Load(
            folder, new Lorikeet.Models.Checkpoints.LoadSettings(
                ScalarType.Float32, CPU, Lorikeet.Models.Quantization.QuantizationSettings.None));
        var prompt = tokenizer.Encode("Once upon a time").Ids;
        var options = new GenerationOptions { MaxNewTokens = 60, EndTokens = [2], StopStrings = ["girl named"] };
        var alone = new TextGenerator(model, tokenizer).Generate([prompt], options).Continuations[0];

        await using var engine = new DecodingEngine(model, tokenizer);
        var pieces = await Pieces(engine, new DecodingRequest { Prompt = prompt, Options = options });
        Assert.Equal(alone.Text, string.Concat(pieces.Select(piece => piece.Text)));
        Assert.Equal(alone.OutputIds, pieces.SelectMany(piece => piece.Tokens).Select(token => token.Id));
        Assert.Equal(FinishReason.StopString, pieces[^1].Finish);
        Assert.Equal(new TokenUsage(prompt.Length, 0, alone.OutputIds.Count), pieces[^1].Usage);
        Assert.All(pieces.SkipLast(1), piece => Assert.Null(piece.Finish));
        Assert.Equal(Enumerable.Range(1, pieces.Count), pieces.Select(piece => piece.Usage.CompletionTokens));

        var again = await Pieces(
            engine, new DecodingRequest { Prompt = [.. prompt, .. alone.OutputIds], Options = options });
        Assert.Equal((prompt.Length + alone.OutputIds.Count - 1) / 16 * 16, again[^1].Usage.CachedTokens);
    }

    [Fact]
    public async Task LogProbabilities_AreTheModelsOwn_OfPromptAndAnswer()
    {
        // Options that change the choice change nothing of what the model thought; a step reads part of the prompt.
        var prompt = ScheduledRuns.Prompt(40, seed: 1);
        var request = new DecodingRequest
        {
            Prompt = prompt,
            Options = new GenerationOptions
            {
                MaxNewTokens = 6,
                Sample = true,
                TopK = 3,
                Temperature = 2,
                RepetitionPenalty = 1.3,
            },
            TopLogProbabilities = 2,
            PromptLogProbabilities = true,
        };
        await using var engine = new DecodingEngine(
            _model, null, new EngineOptions { MaxSequences = 4, MaxStepTokens = 7 });
        await Answer(engine, request with { PromptLogProbabilities = false }); // so that blocks of it are there
        var pieces = await Pieces(engine, request);
        DecodedToken[] given = [.. pieces[0].Prompt!, .. pieces.SelectMany(piece => piece.Tokens)];
        Assert.Equal(0, pieces[^1].Usage.CachedTokens);
        int[] all = [.. prompt, .. pieces.SelectMany(piece => piece.Tokens).Select(token => token.Id)];
        Assert.Equal(all.Skip(1), given.Select(token => token.Id));

        using var scope = NewDisposeScope();
        using var logits = _model.Forward(all, [0, all.Length]);
        using var expected = logits.to_type(ScalarType.Float64).log_softmax(1);
        using var sorted = expected.argsort(1, descending: true);
        for (var i = 0; i < given.Length; i++)
        {
            Assert.Equal(expected[i, given[i].Id].item<double>(), given[i].LogProbability, 1e-4);
            Assert.Equal(2, given[i].Top.Count);
            Assert.Equal(sorted[i, 0].item<long>(), given[i].Top[0].Id);
            Assert.Equal(expected[i, given[i].Top[1].Id].item<double>(), given[i].Top[1].LogProbability, 1e-4);
        }
    }

    [Fact]
    public async Task BiasConstraintAndIgnoredEnds_DecideTheTokens()
    {
        await using var engine = new DecodingEngine(_model, null);
        var request = new DecodingRequest
        {
            Prompt = ScheduledRuns.Prompt(9, seed: 2),
            Options = new GenerationOptions { MaxNewTokens = 5, EndTokens = [7] },
            LogitBias = new Dictionary<int, float> { [7] = 100 },
        };
        int[] ended = [7], ignored = [7, 7, 7, 7, 7], counted = [11, 12, 13, 14];
        Assert.Equal(ended, await Answer(engine, request));
        Assert.Equal(ignored, await Answer(engine, request with { IgnoreEnd = true }));

        var counting = request with { Constraint = new Counting(11, 14), IgnoreEnd = true };
        var pieces = await Pieces(engine, counting);
        Assert.Equal(counted, pieces.SelectMany(piece => piece.Tokens).Select(token => token.Id));
        Assert.Equal(FinishReason.EndToken, pieces[^1].Finish);
    }

    [Fact]
    public async Task ABiasOfTheOptions_IsThatOfTheRequest_AndOfTheGenerator()
    {
        await using var engine = new DecodingEngine(_model, null);
        var prompt = ScheduledRuns.Prompt(9, seed: 2);
        var options = new GenerationOptions
        {
            MaxNewTokens = 3,
            LogitBias = new Dictionary<string, double> { ["7"] = 100 },
        };
        int[] expected = [7, 7, 7];
        Assert.Equal(expected, await Answer(engine, new DecodingRequest { Prompt = prompt, Options = options }));
        Assert.Equal(expected, new TextGenerator(_model, null).Generate([prompt], options).Continuations[0].OutputIds);
        Assert.NotEqual(expected, await Answer(engine, new DecodingRequest
        {
            Prompt = prompt,
            Options = options,
            LogitBias = new Dictionary<int, float> { [7] = -100 },
        }));
        foreach (var (id, amount) in new[] { ("seven", 1.0), ("-1", 1.0), ("7", 101.0), ("99999", 1.0) })
        {
            var wrong = options with { LogitBias = new Dictionary<string, double> { [id] = amount } };
            Assert.Contains("logit_bias", Assert.Throws<ConfigurationException>(
                () => new TextGenerator(_model, null).Generate([prompt], wrong)).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task ACallerWhoLeaves_FreesItsPlace_AndOneThatCancelsIsTold()
    {
        await using var engine = new DecodingEngine(_model, null, new EngineOptions { MaxSequences = 1 });
        var request = new DecodingRequest { Prompt = ScheduledRuns.Prompt(20, seed: 3), Options = s_long };
        await foreach (var piece in engine.Decode(request, TestContext.Current.CancellationToken))
        {
            if (piece.Tokens.Count > 0)
                break;
        }

        using var source = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (var piece in engine.Decode(request, source.Token))
                await source.CancelAsync();
        });
        Assert.Equal(
            3, (await Answer(engine, request with { Options = new GenerationOptions { MaxNewTokens = 3 } })).Length);
        Assert.Equal(0, engine.Statistics.BlocksUsed);
    }

    [Fact]
    public async Task AFullQueue_RefusesOneMore_AndADrainedEngineAll()
    {
        using var gate = new SemaphoreSlim(0);
        await using var engine = new DecodingEngine(
            _model, null, new EngineOptions { MaxSequences = 1, MaxQueue = 1 },
            cancellation => new Pass(gate, cancellation));
        var request = ScheduledRuns.Request(ScheduledRuns.Prompt(5, seed: 4), 3);
        Task<int[]>[] open = [Answer(engine, request), Answer(engine, request)];
        var busy = await Assert.ThrowsAsync<EngineBusyException>(() => Answer(engine, request));
        Assert.Contains(
            "2 requests are open: 1 are decoded at once (max_num_seqs) and 1 may wait (max_queue)", busy.Message);

        var drained = engine.Drain(TestContext.Current.CancellationToken);
        Assert.Contains(
            "shutting down", (await Assert.ThrowsAsync<EngineBusyException>(() => Answer(engine, request))).Message);
        Assert.False(drained.IsCompleted);
        gate.Release(100);
        await drained;
        Assert.All(await Task.WhenAll(open), answer => Assert.Equal(3, answer.Length));
    }

    [Fact]
    public async Task AnEngineThatIsDisposed_EndsWhatIsUnderWay()
    {
        using var gate = new SemaphoreSlim(1);
        var engine = new DecodingEngine(_model, null, gate: cancellation => new Pass(gate, cancellation));
        var request = new DecodingRequest { Prompt = ScheduledRuns.Prompt(20, seed: 5), Options = s_long };
        var answer = Answer(engine, request);
        await engine.DisposeAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => answer);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => Answer(engine, request));
        Assert.Null(engine.Fault);
    }

    [Fact]
    public async Task AFaultOfTheModel_ReachesAllWhoWait()
    {
        await using var engine = new DecodingEngine(
            _model, null, gate: _ => throw new DeviceException("The device fell off."));
        var request = ScheduledRuns.Request([5], 3);
        Assert.Null(engine.Fault);
        Assert.Same(await Assert.ThrowsAsync<DeviceException>(() => Answer(engine, request)), engine.Fault);
        var next = await Assert.ThrowsAsync<LorikeetException>(() => Answer(engine, request));
        Assert.Equal("The engine stopped: The device fell off.", next.Message);
    }

    [Fact]
    public async Task AFaultOfOneAnswer_EndsThatAlone()
    {
        await using var engine = new DecodingEngine(_model, null, new EngineOptions { MaxSequences = 4 });
        var good = ScheduledRuns.Request(ScheduledRuns.Prompt(20, seed: 9), 30);
        var masks = ScheduledRuns.Request(ScheduledRuns.Prompt(12, seed: 10), 30)
            with
        { Constraint = new Failing(masks: 3, accepts: 99) };
        var accepts = ScheduledRuns.Request(ScheduledRuns.Prompt(7, seed: 11), 30)
            with
        { Constraint = new Failing(masks: 99, accepts: 2) };
        var answer = Answer(engine, good);
        Task<int[]>[] failing = [Answer(engine, masks), Answer(engine, accepts)];
        foreach (var one in failing)
        {
            var fault = await Assert.ThrowsAsync<LorikeetException>(() => one);
            Assert.IsType<IndexOutOfRangeException>(fault.InnerException);
        }

        var expected = ScheduledRuns.Alone(_model, good);
        Assert.Equal(expected, await answer);
        Assert.Equal(expected, await Answer(engine, good));
        Assert.Null(engine.Fault);
        Assert.Equal((0, 0, 0), (engine.Statistics.BlocksUsed, engine.Statistics.Running, engine.Statistics.Queued));
    }

    [Fact]
    public async Task TokensThatTheModelDoesNotHave_AreRefused()
    {
        await using var engine = new DecodingEngine(_model, null);
        var options = new GenerationOptions { MaxNewTokens = 3, MinNewTokens = 1 };
        (string Option, Func<int, GenerationOptions> With)[] namings =
        [
            ("eos_token_id (stop_token_ids)", id => options with { EndTokens = [2, id] }),
            ("suppress_tokens", id => options with { SuppressedTokens = [id] }),
            ("bad_words_ids", id => options with { BadWords = [[3], [4, id]] }),
        ];
        foreach (var (option, with) in namings)
        {
            foreach (var id in new[] { -1, 320 })
            {
                var request = new DecodingRequest { Prompt = [5], Options = with(id) };
                Assert.Contains(option, Assert.Throws<ConfigurationException>(() => engine.Validate(request)).Message);
                Assert.Contains(option, Assert.Throws<ConfigurationException>(
                    () => engine.Validate(request with { IgnoreEnd = true })).Message);
                Assert.Contains(option, Assert.Throws<ConfigurationException>(
                    () => new TextGenerator(_model, null).Generate([[5]], with(id))).Message);
            }
        }
    }

    [Fact]
    public async Task TokensThatPadTheEmbedding_HaveNoText()
    {
        using var folder = new TemporaryFolder();
        var tokenizer = OfLetters(folder);
        var request = new DecodingRequest
        {
            Prompt = ScheduledRuns.Prompt(9, seed: 12),
            Options = new GenerationOptions { MaxNewTokens = 40, StopStrings = ["no such text"] },
            TopLogProbabilities = 3,
        };
        await using var engine = new DecodingEngine(_model, tokenizer);
        var pieces = await Pieces(engine, request);
        int[] ids = [.. pieces.SelectMany(piece => piece.Tokens).Select(token => token.Id)];
        Assert.Contains(ids, id => id >= tokenizer.VocabularySize);
        Assert.Equal(TextOf(ids), string.Concat(pieces.Select(piece => piece.Text)));

        var padding = await Pieces(engine, request with { LogitBias = new Dictionary<int, float> { [319] = 100 } });
        Assert.All(padding.SelectMany(piece => piece.Tokens), token => Assert.Equal(319, token.Id));
        Assert.Equal("", string.Concat(padding.Select(piece => piece.Text)));

        foreach (var beams in new[] { 1, 3 })
        {
            var alone = new TextGenerator(_model, tokenizer)
                .Generate([[.. request.Prompt]], request.Options with { Beams = beams }).Continuations[0];
            Assert.Equal(TextOf(alone.OutputIds), alone.Text);
        }

        string TextOf(IEnumerable<int> all) => tokenizer.Decode([.. all.Where(id => id < tokenizer.VocabularySize)]);
    }

    [Fact]
    public async Task AnAdapter_IsReleasedWhenItsLastAnswerHasEnded()
    {
        var adapter = ScheduledRuns.Attach(_model, "all");
        await using var engine = new DecodingEngine(_model, null);
        var request = ScheduledRuns.Request(ScheduledRuns.Prompt(5, seed: 6), 100, adapter);
        var expected = ScheduledRuns.Alone(_model, request);
        var answer = Answer(engine, request);
        await engine.Release(adapter, TestContext.Current.CancellationToken);
        adapter.Dispose();
        Assert.Equal(expected, await answer);
        Assert.Throws<ObjectDisposedException>(() => engine.Validate(request));
    }

    [Fact]
    public async Task TheActiveAdapter_StaysThatOfTheOwner()
    {
        var trained = Adapter.Load(_model, TestAssets.Golden("lora", "all", "final"));
        await using var engine = new DecodingEngine(_model, null);
        var request = ScheduledRuns.Request(ScheduledRuns.Prompt(5, seed: 6), 10);
        Assert.Equal(ScheduledRuns.Alone(_model, request), await Answer(engine, request));
        Assert.True(trained.IsActive);
    }

    [Theory]
    [InlineData(0, 1, "A prompt has no tokens")]
    [InlineData(300, 1, "has 300 tokens and 1 are to be added, and 64 fit (max_model_len)")]
    [InlineData(60, 5, "has 60 tokens and 5 are to be added, and 64 fit (max_model_len)")]
    public async Task WhatNeverFits_IsRefusedBeforeItBegins(int length, int count, string message)
    {
        await using var engine = new DecodingEngine(_model, null, new EngineOptions { MaxLength = 64 });
        var request = ScheduledRuns.Request(ScheduledRuns.Prompt(length, seed: 7), count);
        Assert.Contains(message, Assert.ThrowsAny<LorikeetException>(() => engine.Validate(request)).Message);
        Assert.Contains(message, Assert.ThrowsAny<LorikeetException>(() => { engine.Decode(request); }).Message);
    }

    [Fact]
    public async Task WithoutALimit_AnAnswerEndsWhereTheContextDoes()
    {
        await using var engine = new DecodingEngine(_model, null, new EngineOptions { MaxLength = 64 });
        var request = new DecodingRequest
        {
            Prompt = ScheduledRuns.Prompt(60, seed: 8),
            Options = new GenerationOptions(),
        };
        Assert.Equal(4, (await Answer(engine, request)).Length);
    }

    /// <summary>A tokenizer that knows fewer ids than the model: those of the visible characters of ASCII.</summary>
    private static Tokenizer OfLetters(TemporaryFolder folder)
    {
        var file = folder["tokenizer.json"];
        var vocabulary = Enumerable.Range(33, 94).ToDictionary(code => ((char)code).ToString(), code => code - 33);
        var bytes = new { type = "ByteLevel", add_prefix_space = false, trim_offsets = true, use_regex = true };
        File.WriteAllText(file, System.Text.Json.JsonSerializer.Serialize(new
        {
            version = "1.0",
            added_tokens = Array.Empty<object>(),
            pre_tokenizer = bytes,
            decoder = bytes,
            model = new { type = "BPE", vocab = vocabulary, merges = Array.Empty<string>() },
        }));
        return Tokenizer.Load(file);
    }

    private static async Task<int[]> Answer(DecodingEngine engine, DecodingRequest request) =>
        [.. (await Pieces(engine, request)).SelectMany(piece => piece.Tokens).Select(token => token.Id)];

    private static async Task<List<DecodedPiece>> Pieces(DecodingEngine engine, DecodingRequest request)
    {
        var pieces = new List<DecodedPiece>();
        await foreach (var piece in engine.Decode(request, TestContext.Current.CancellationToken))
            pieces.Add(piece);
        return pieces;
    }

    private sealed class Pass : IDisposable
    {
        public Pass(SemaphoreSlim gate, CancellationToken cancellation) => gate.Wait(cancellation);

        public void Dispose()
        {
        }
    }

    /// <summary>Any text, until it fails as a fault of a program would.</summary>
    private sealed class Failing(int masks, int accepts) : TokenConstraint
    {
        private readonly int[] _none = [];
        private int _masked;
        private int _accepted;

        public override bool IsComplete => false;

        public override void Mask(Span<float> logits)
        {
            if (++_masked == masks)
                _none[_masked] = 0;
        }

        public override void Accept(int token)
        {
            if (++_accepted == accepts)
                _none[_accepted] = 0;
        }
    }

    /// <summary>Ids that follow one another.</summary>
    private sealed class Counting(int first, int last) : TokenConstraint
    {
        private int _next = first;

        public override bool IsComplete => _next > last;

        public override void Mask(Span<float> logits)
        {
            var kept = logits[_next];
            logits.Fill(float.NegativeInfinity);
            logits[_next] = kept;
        }

        public override void Accept(int token) => _next = token + 1;
    }
}
