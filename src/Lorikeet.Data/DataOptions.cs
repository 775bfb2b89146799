using Lorikeet.Formats.Options;

namespace Lorikeet.Data;

/// <summary>Training and held-out data: files, columns, prompts, row length.</summary>
public sealed record DataOptions
{
    /// <summary>
    /// Training data: files (json, jsonl, csv, tsv, parquet, txt), folders or hub ids; several are joined.
    /// </summary>
    /// <value>Required.</value>
    [Option("dataset", "dataset_name", "train_file", "data", Placeholder = "FILE|DIR|ID", Input = "the dataset")]
    public IReadOnlyList<string> Datasets { get; init; } = [];

    /// <summary>Configuration (subset) of a hub dataset.</summary>
    /// <value>Not set: the dataset's default.</value>
    [Option("dataset_config")]
    public string? DatasetConfig { get; init; }

    /// <summary>Branch, tag or commit of a hub dataset.</summary>
    /// <value>Not set: its main branch.</value>
    [Option("dataset_revision")]
    public string? DatasetRevision { get; init; }

    /// <summary>Files of a dataset's folder or repository to train on, as patterns: data/*.jsonl.</summary>
    /// <value>None: what the dataset's card says, else what the names of its files tell.</value>
    [Option("data_files", Placeholder = "PATTERNS")]
    public IReadOnlyList<string> DataFiles { get; init; } = [];

    /// <summary>Subfolder of the dataset to read.</summary>
    /// <value>Not set: all of it.</value>
    [Option("data_dir", Placeholder = "DIR")]
    public string? DataFolder { get; init; }

    /// <summary>
    /// Split to train on, perhaps a part of it: train, train[:10%], train[100:200], train+validation.
    /// </summary>
    /// <value>train, the name every dataset uses.</value>
    [Option("dataset_train_split", "dataset_split")]
    public string DatasetSplit { get; init; } = "train";

    /// <summary>Held-out data: files, folders or hub ids.</summary>
    /// <value>None: nothing is measured on held-out rows unless test_size takes some.</value>
    [Option("eval_dataset", "eval_dataset_name", "eval_file", "validation_file", Placeholder = "FILE|DIR|ID",
        Input = "the evaluation data")]
    public IReadOnlyList<string> EvalDatasets { get; init; } = [];

    /// <summary>Split of the evaluation data.</summary>
    /// <value>test, as in TRL; a dataset without it falls back to validation.</value>
    [Option("dataset_test_split", "eval_split")]
    public string EvalSplit { get; init; } = "test";

    /// <summary>
    /// Rows of the training data to hold out: a fraction below 1, or a number of rows. Rows that ask the same stay
    /// together.
    /// </summary>
    /// <value>0. None: every row is trained on, and the split is the user's decision.</value>
    [Option("test_size", "val_size", "eval_size", Minimum = 0)]
    public double HeldOut { get; init; }

    /// <summary>Train on at most this many rows, the first after shuffling.</summary>
    /// <value>Not set: all rows.</value>
    [Option("max_train_samples", Minimum = 1, Unset = "-1")]
    public int? MaxTrainRows { get; init; }

    /// <summary>Evaluate on at most this many rows.</summary>
    /// <value>Not set: all rows.</value>
    [Option("max_eval_samples", Minimum = 1, Unset = "-1")]
    public int? MaxEvalRows { get; init; }

    /// <summary>Longest row in tokens; what exceeds it is dealt with as truncation_mode says.</summary>
    /// <value>
    /// 1024. Holds nearly every question with its answer, and bounds memory. TRL's default too; fewer where the model
    /// was made for fewer positions.
    /// </value>
    [Option("max_length", "max_seq_length", "max_seq_len", "seq_length", "cutoff_len", Minimum = 2,
        Maximum = 1_048_576)]
    public int MaxLength { get; init; } = 1024;

    /// <summary>What happens to rows longer than max_length.</summary>
    /// <value>keep_start. As TRL does. Rows left without any answer token are dropped and counted either way.</value>
    [Option("truncation_mode", "truncation")]
    public TruncationMode Truncation { get; init; } = TruncationMode.KeepStart;

    /// <summary>Put several rows into one sequence of max_length; they never see each other.</summary>
    /// <value>Off: batches hold no padding anyway, so packing only evens out their size.</value>
    [Option("packing")]
    public bool Packing { get; init; }

    /// <summary>Batch rows of similar length together.</summary>
    /// <value>Off: batches hold no padding, so nothing is gained, and the order is less random.</value>
    [Option("group_by_length")]
    public bool GroupByLength { get; init; }

    /// <summary>Draw a new order of the rows each epoch, from the seed.</summary>
    /// <value>On: files are often sorted, and sorted data trains badly.</value>
    [Option("shuffle")]
    public bool Shuffle { get; init; } = true;

    /// <summary>
    /// Whose random order shuffle and group_by_length give: lorikeet, or transformers as its Trainer shuffles.
    /// </summary>
    /// <value>Lorikeet's own, a function of the seed that any version and device computes alike.</value>
    [Option("sampler")]
    public RowSampler Sampler { get; init; } = RowSampler.Lorikeet;

    /// <summary>Which tokens are learned: answer only, all, or what the shape of the data suggests.</summary>
    /// <value>auto. The answer where the data separates it from the question; plain text is learned whole.</value>
    [Option("train_on")]
    public TrainOn TrainOn { get; init; } = TrainOn.Auto;

    /// <summary>Names of the columns of csv and tsv files that have no header.</summary>
    /// <value>None: the first line names the columns.</value>
    [Option("csv_columns", Placeholder = "NAMES")]
    public IReadOnlyList<string> CsvColumns { get; init; } = [];

    /// <summary>What separates the cells of csv files; \t is a tab.</summary>
    /// <value>Not set: found among , ; | and tab.</value>
    [Option("csv_separator", Placeholder = "CHAR")]
    public string? CsvSeparator { get; init; }

    /// <summary>What csv files write before a quote in a cell, where quotes are not doubled: \.</summary>
    /// <value>Not set: quotes are doubled.</value>
    [Option("csv_escape", Placeholder = "CHAR")]
    public string? CsvEscape { get; init; }

    /// <summary>What the columns mean.</summary>
    /// <value>auto. Detected from the column names and the first rows, and shown.</value>
    [Option("dataset_shape")]
    public DatasetShape Shape { get; init; } = DatasetShape.Auto;

    /// <summary>Column that holds the text.</summary>
    /// <value>Not set: text, or the only column of strings.</value>
    [Option("dataset_text_field")]
    public string? TextField { get; init; }

    /// <summary>Other names for the columns of a shape: question=q,answer=a.</summary>
    /// <value>None: common names are known.</value>
    [Option("column_map", Placeholder = "NAME=COLUMN")]
    public IReadOnlyDictionary<string, string> ColumnMap { get; init; } = new Dictionary<string, string>();

    /// <summary>
    /// How conversations are rendered: a Jinja file, tokenizer (its own template), or guanaco, alpaca and the other
    /// built-in forms.
    /// </summary>
    /// <value>Not set: what fits the data, else the tokenizer's own template. It is saved with the adapter.</value>
    [Option("chat_template", Placeholder = "FILE|NAME")]
    public string? ChatTemplate { get; init; }

    /// <summary>
    /// Keep encoded rows on disk, for a later run with the same data, tokenizer, template and options.
    /// </summary>
    /// <value>Auto: from 32 MB of data on. Rows are then read from disk as they are needed.</value>
    [Option("token_cache", Bare = "true")]
    public TokenCacheMode TokenCache { get; init; } = TokenCacheMode.Auto;

    /// <summary>Folder of the token cache.</summary>
    /// <value>Not set: lorikeet/tokens in the account's cache (XDG_CACHE_HOME, ~/.cache).</value>
    [Option("token_cache_dir", "tokenized_path", "dataset_prepared_path", Placeholder = "DIR",
        Output = OutputKind.Folder)]
    public string? TokenCacheFolder { get; init; }

    /// <summary>Encode the rows again, even when the cache has them.</summary>
    /// <value>Off: whatever has a part in them is in the cache's key.</value>
    [Option("overwrite_cache")]
    public bool OverwriteCache { get; init; }

    /// <summary>End every row with the end token, and learn it.</summary>
    /// <value>On: a model that never learns to stop rambles on after its answer.</value>
    [Option("append_eos")]
    public bool AppendEos { get; init; } = true;

    /// <summary>What is learned from preference data; a run sets it as its method asks.</summary>
    public PreferenceUse Preferences { get; init; }
}

/// <summary>Whose random order rows are read in.</summary>
public enum RowSampler
{
    /// <summary>A counter-based permutation of every epoch.</summary>
    Lorikeet,

    /// <summary>That of transformers' Trainer (4.36 to 5) on one process with the same seed and rows.</summary>
    Transformers,
}

/// <summary>Whether encoded rows are kept on disk.</summary>
public enum TokenCacheMode
{
    /// <summary>Where the data is large.</summary>
    Auto,

    /// <summary>Rows are always cached.</summary>
    [WireName("true", "on", "yes")] On,

    /// <summary>Never: they are in memory.</summary>
    [WireName("false", "off", "no")] Off,
}

/// <summary>What happens to a row longer than the limit.</summary>
public enum TruncationMode
{
    /// <summary>The end is cut off; plain text, which has no answer to lose, goes on in the next row instead.</summary>
    [WireName("keep_start", "right", "true")] KeepStart,

    /// <summary>The beginning is cut off.</summary>
    [WireName("keep_end", "left")] KeepEnd,

    /// <summary>The row is left out.</summary>
    Drop,

    /// <summary>The run is refused.</summary>
    Error,
}

/// <summary>Which tokens of a row are targets.</summary>
public enum TrainOn
{
    /// <summary>The answer where the shape of the data separates it, else everything.</summary>
    Auto,

    /// <summary>Answers only: what assistants say, completions.</summary>
    [WireName("answer", "answers", "completion", "assistant")] Answer,

    /// <summary>Every token of a row is a target.</summary>
    All,
}

/// <summary>What the columns of a dataset mean.</summary>
public enum DatasetShape
{
    /// <summary>Detected from the columns of the first rows.</summary>
    Auto,

    /// <summary>
    /// One column of text; Guanaco's <c>### Human: ... ### Assistant: ...</c> and <c>[INST]</c> are recognised.
    /// </summary>
    Text,

    /// <summary><c>messages</c> with <c>role</c> and <c>content</c>.</summary>
    Messages,

    /// <summary><c>conversations</c> with <c>from</c> and <c>value</c>.</summary>
    [WireName("sharegpt")] ShareGpt,

    /// <summary><c>prompt</c> and <c>completion</c>.</summary>
    PromptCompletion,

    /// <summary><c>chosen</c> and <c>rejected</c>, perhaps <c>prompt</c>: the chosen answer is learned.</summary>
    [WireName("preference", "dpo")] Preference,

    /// <summary><c>instruction</c>, <c>input</c>, <c>output</c>.</summary>
    [WireName("instruction", "alpaca")] Instruction,

    /// <summary><c>question</c>, perhaps <c>context</c>, and <c>answers</c> or <c>answer</c> (SQuAD).</summary>
    [WireName("question_answer", "squad", "qa")] QuestionAnswer,

    /// <summary><c>input_ids</c> and perhaps <c>labels</c>: tokens already.</summary>
    Tokenized,
}
