using Lorikeet.Data;
using Lorikeet.Options;

namespace Lorikeet.Tests.Data;

/// <summary>From the columns of a row to the text the model reads and the part of it that it learns.</summary>
public sealed class ShapeTests : IDisposable
{
    private readonly DataFixture _data = new();

    public void Dispose() => _data.Dispose();

    [Theory]
    [InlineData(
        """{"text":"### Human: Hi ### Assistant: Hello"}""",
        DatasetShape.Text, "<s> ### Human: Hi ### Assistant:⟦ Hello</s>⟧")]
    [InlineData(
        """{"text":"### Human: A ### Assistant: B ### Human: C ### Assistant: D"}""",
        DatasetShape.Text, "<s> ### Human: A ### Assistant:⟦ B⟧ ### Human: C ### Assistant:⟦ D</s>⟧")]
    [InlineData(
        """{"text":"<s>[INST] Hi [/INST] Hello </s><s>[INST] C [/INST] D </s>"}""",
        DatasetShape.Text, "<s>[INST] Hi [/INST]⟦ Hello </s>⟧<s>[INST] C [/INST]⟦ D </s>⟧")]
    [InlineData("""{"text":"Hanoi is a city."}""", DatasetShape.Text, "<s>⟦ Hanoi is a city.</s>⟧")]
    [InlineData("""{"id":3,"sentence":"Hanoi"}""", DatasetShape.Text, "<s>⟦ Hanoi</s>⟧")]
    [InlineData(
        """{"messages":[{"role":"system","content":"S"},{"role":"user","content":"Hi"},{"role":"assistant","content":"Yo"}]}""",
        DatasetShape.Messages, "<s> S ### Human: Hi ### Assistant:⟦ Yo</s>⟧")]
    [InlineData(
        """{"conversations":[{"from":"human","value":"Hi"},{"from":"gpt","value":"Yo"},{"from":"human","value":"?"}]}""",
        DatasetShape.ShareGpt, "<s> ### Human: Hi ### Assistant:⟦ Yo⟧ ### Human: ?")]
    [InlineData(
        """{"conversations":[{"from":"human","value":"Hi"}],"chosen":{"from":"gpt","value":"Yo"},"rejected":{"from":"gpt","value":"No"}}""",
        DatasetShape.ShareGpt, "<s> ### Human: Hi ### Assistant:⟦ Yo</s>⟧")]
    [InlineData(
        """{"prompt":"2 + 2 =","completion":" 4"}""", DatasetShape.PromptCompletion, "<s> 2 + 2 =⟦ 4</s>⟧")]
    [InlineData(
        """{"prompt":"Hi","response":"Yo"}""", DatasetShape.PromptCompletion, "<s> ### Human: Hi ### Assistant:⟦ Yo</s>⟧")]
    [InlineData(
        """{"prompt":[{"role":"user","content":"Hi"}],"completion":[{"role":"assistant","content":"Yo"}]}""",
        DatasetShape.PromptCompletion, "<s> ### Human: Hi ### Assistant:⟦ Yo</s>⟧")]
    [InlineData(
        """{"question":"Hi?","answer":"Yo"}""", DatasetShape.QuestionAnswer, "<s> ### Human: Hi? ### Assistant:⟦ Yo</s>⟧")]
    [InlineData(
        """{"question":"is it","passage":"P","answer":true}""",
        DatasetShape.QuestionAnswer, "<s> Context: P\nQuestion: is it\nAnswer:⟦ yes</s>⟧")]
    [InlineData(
        """{"question":"Q","context":"C","answers":{"text":["A","B"],"answer_start":[0,4]}}""",
        DatasetShape.QuestionAnswer, "<s> Context: C\nQuestion: Q\nAnswer:⟦ A</s>⟧")]
    [InlineData(
        """{"question":"Q","context":"C","answers":{"text":[],"answer_start":[]}}""",
        DatasetShape.QuestionAnswer, "<s> Context: C\nQuestion: Q\nAnswer:⟦ unanswerable</s>⟧")]
    [InlineData(
        """{"question":"Q","choices":{"text":["x","y"],"label":["1","2"]},"answerKey":"2"}""",
        DatasetShape.QuestionAnswer, "<s> ### Human: Q\n1. x\n2. y ### Assistant:⟦ 2. y</s>⟧")]
    [InlineData(
        """{"question":"Q","subject":"S","choices":["x","y"],"answer":0}""",
        DatasetShape.QuestionAnswer, "<s> ### Human: Q\nA. x\nB. y ### Assistant:⟦ A. x</s>⟧")]
    [InlineData(
        """{"messages":[{"role":"user","content":"A"},{"role":"assistant","content":"B","weight":0},{"role":"user","content":"C"},{"role":"assistant","content":"D","weight":1}]}""",
        DatasetShape.Messages, "<s> ### Human: A ### Assistant: B ### Human: C ### Assistant:⟦ D</s>⟧")]
    public void Row_IsRenderedAndMasked(string row, DatasetShape shape, string expected)
    {
        var data = DataFixture.Load(_data.Write("a.jsonl", row));
        Assert.Equal(shape, data.Shape);
        Assert.Equal(expected, DataFixture.Show(data.Train[0]));
    }

    [Fact]
    public void Instruction_IsAlpacas()
    {
        var data = DataFixture.Load(_data.Write("a.jsonl", """
            {"instruction":"Add.","input":"1 2","output":"3"}
            {"instruction":"Greet.","input":"","output":"Hi"}
            {"instruction":"Greet.","output":"Hi","system":"Be kind.","history":[["A","B"]]}
            """));

        Assert.Equal(
            "<s> Below is an instruction that describes a task, paired with an input that provides further context. Write a " +
            "response that appropriately completes the request.\n\n### Instruction:\nAdd.\n\n### Input:\n1 2\n\n### Response:\n⟦3</s>⟧",
            DataFixture.Show(data.Train[0]));
        Assert.Equal(
            "<s> Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n" +
            "### Instruction:\nGreet.\n\n### Response:\n⟦Hi</s>⟧",
            DataFixture.Show(data.Train[1]));
        Assert.Equal(
            "<s> Be kind.\n\n### Instruction:\nA\n\n### Response:\n⟦B⟧\n\n### Instruction:\nGreet.\n\n### Response:\n⟦Hi</s>⟧",
            DataFixture.Show(data.Train[2]));
    }

    [Fact]
    public void AnswerThatNeedsASpaceTokenOfItsOwn_LearnsThatTokenToo()
    {
        // A character outside the vocabulary: the space before it cannot merge, and the model has to write it.
        var data = DataFixture.Load(_data.Write("a.jsonl", """{"question":"Q","answer":"漢"}"""));
        Assert.Equal("<s> ### Human: Q ### Assistant:⟦ 漢</s>⟧", DataFixture.Show(data.Train[0]));
    }

    [Fact]
    public void ToolCalls_AreWrittenOut_ForATemplateWithoutTools()
    {
        var data = DataFixture.Load(_data.Write("a.jsonl", """
            {"conversations":[{"from":"human","value":"Hi"},{"from":"function_call","value":"{\"name\":\"f\"}"},{"from":"observation","value":"1"},{"from":"gpt","value":"One"}],"tools":"[{\"name\":\"f\"}]"}
            """));
        Assert.Equal(
            "<s> Tools: [{\"name\":\"f\"}] ### Human: Hi ### Assistant:⟦ {\"name\":\"f\"}⟧ ### Human: 1 ### Assistant:⟦ One</s>⟧",
            DataFixture.Show(data.Train[0]));
    }

    [Fact]
    public void Guanaco_IsAskedWithTheSeparatorOfTheData()
    {
        var data = DataFixture.Load(_data.Write("a.jsonl", """{"text":"### Human: Hi\n### Assistant: Hello"}"""));
        Assert.Equal("### Human: Why?\n### Assistant:", data.Format.RenderPrompt("Why?"));
    }

    [Fact]
    public void Tokens_AreTakenAsTheyAre()
    {
        var path = _data.Write("a.jsonl", """
            {"input_ids":[1,5,6,7],"labels":[-100,-100,6,7]}
            {"input_ids":[1,5,6]}
            {"input_ids":[1,5,6,0,0],"labels":[-100,5,6,-100,-100],"attention_mask":[1,1,1,0,0]}
            """);
        var options = new TrainingOptions { Data = new DataOptions { Datasets = [path] } };
        var data = TrainingData.Load(options, tokenizer: null, vocabularySize: 8);

        Assert.Equal(DatasetShape.Tokenized, data.Shape);
        Assert.Equal([1, 5, 6, 7], data.Train[0].Ids);
        Assert.Equal([-100, -100, 6, 7], data.Train[0].Labels);
        Assert.Equal([1, 5, 6], data.Train[1].Labels);
        Assert.Equal([1, 5, 6], data.Train[2].Ids);
        Assert.Equal([-100, 5, 6], data.Train[2].Labels);
        Assert.Equal([1, 5], data.Questions.First().PromptIds);
    }

    [Fact]
    public void ColumnMap_NamesTheColumns()
    {
        var path = _data.Write("a.csv", "Frage,Antwort,Nr\nHi?,Yo,1\n");
        var map = new Dictionary<string, string> { ["question"] = "Frage", ["answers"] = "Antwort" };
        var data = DataFixture.Load(path, new DataOptions { ColumnMap = map });
        Assert.Equal("<s> ### Human: Hi? ### Assistant:⟦ Yo</s>⟧", DataFixture.Show(data.Train[0]));
    }

    [Fact]
    public void TextField_TakesThatColumnWhateverElseThereIs()
    {
        var path = _data.Write("a.jsonl", """{"question":"Q","answer":"A","body":"Hanoi"}""");
        var data = DataFixture.Load(path, new DataOptions { TextField = "body" });
        Assert.Equal("<s>⟦ Hanoi</s>⟧", DataFixture.Show(data.Train[0]));
    }

    [Fact]
    public void UnknownColumns_ListWhatEachShapeNeeds()
    {
        var path = _data.Write("a.csv", "foo,bar\n1,2\n");
        var fault = Assert.Throws<DatasetException>(() => DataFixture.Load(path));
        Assert.Contains("(foo, bar; first row at", fault.Message);
        Assert.Contains("question_answer: question, answers|answer|best_answer|correct_answer, [context|", fault.Message);
        Assert.Contains("column_map", fault.Message);
    }

    [Fact]
    public void ShapeThatDoesNotFit_IsRefused()
    {
        var path = _data.Write("a.jsonl", """{"text":"x"}""");
        var fault = Assert.Throws<DatasetException>(() => DataFixture.Load(path, new DataOptions { Shape = DatasetShape.Messages }));
        Assert.Contains("fit not the shape named", fault.Message);
    }

    [Theory]
    [InlineData("question", "nope", "There is no column 'nope' for 'question'")]
    [InlineData("frage", "text", "column_map names 'frage', which no shape reads")]
    public void ColumnMapThatNamesNothing_IsRefused(string name, string column, string message)
    {
        var path = _data.Write("a.jsonl", """{"text":"x"}""");
        var options = new DataOptions { ColumnMap = new Dictionary<string, string> { [name] = column } };
        Assert.Contains(message, Assert.Throws<ConfigurationException>(() => DataFixture.Load(path, options)).Message);
    }

    [Theory]
    [InlineData("""{"messages":"hello","id":"x"}""", "fit no shape")]
    [InlineData("""{"messages":[{"role":"user"}]}""", "a.jsonl:1: column 'messages' holds")]
    [InlineData("""{"conversations":[{"from":"alien","value":"x"}]}""", "human, gpt")]
    [InlineData("""{"input_ids":[1,2,3],"labels":[1,2]}""", "'labels' has 2 numbers and 'input_ids' 3")]
    [InlineData("""{"input_ids":[1,"x"]}""", "a list of whole numbers")]
    [InlineData("""{"input_ids":[1,99999]}""", "has the token id 99999. The model knows ids from 0 to")]
    [InlineData("""{"question":"q","answer":{"a":1}}""", "can be learned from")]
    [InlineData("""{"question":"Q","choices":["x","y"],"answer":"z"}""", "label, text or position of one of: A. x, B. y")]
    [InlineData("""{"text":["a"]}""", "column 'text' holds [\"a\"]")]
    public void RowOfTheWrongKind_IsNamed(string row, string message)
    {
        var fault = Assert.Throws<DatasetException>(() => DataFixture.Load(_data.Write("a.jsonl", row)));
        Assert.Contains(message, fault.Message);
    }

    [Fact]
    public void FirstFaultyRow_IsReportedWhateverTheThreads()
    {
        var rows = Enumerable.Range(1, 400).Select(i => i is 57 or 300 ? """{"text":{"a":1}}""" : """{"text":"x"}""");
        var path = _data.Write("a.jsonl", string.Join('\n', rows));
        Assert.Contains("a.jsonl:57:", Assert.Throws<DatasetException>(() => DataFixture.Load(path)).Message);
    }
}
