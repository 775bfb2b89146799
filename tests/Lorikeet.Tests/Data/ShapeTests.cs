using Lorikeet.Data;
using Lorikeet.Data.Datasets;

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
        DatasetShape.Text, "<s> [INST] Hi [/INST]⟦ Hello </s>⟧<s> [INST] C [/INST]⟦ D </s>⟧")]
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
        """{"prompt":"Hi","response":"Yo"}""", DatasetShape.PromptCompletion,
        "<s> ### Human: Hi ### Assistant:⟦ Yo</s>⟧")]
    [InlineData(
        """{"prompt":[{"role":"user","content":"Hi"}],"completion":[{"role":"assistant","content":"Yo"}]}""",
        DatasetShape.PromptCompletion, "<s> ### Human: Hi ### Assistant:⟦ Yo</s>⟧")]
    [InlineData(
        """{"question":"Hi?","answer":"Yo"}""", DatasetShape.QuestionAnswer,
        "<s> ### Human: Hi? ### Assistant:⟦ Yo</s>⟧")]
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
    [InlineData(
        """{"prompt":"Hi","chosen":"Yo","rejected":"No"}""",
        DatasetShape.Preference, "<s> ### Human: Hi ### Assistant:⟦ Yo</s>⟧")]
    [InlineData(
        """{"prompt":[{"role":"user","content":"Hi"}],"chosen":[{"role":"assistant","content":"Yo"}],"rejected":[{"role":"assistant","content":"No"}]}""",
        DatasetShape.Preference, "<s> ### Human: Hi ### Assistant:⟦ Yo</s>⟧")]
    [InlineData(
        """{"prompt":"Hi","chosen":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Yo"}],"rejected":[{"role":"user","content":"Hi"},{"role":"assistant","content":"No"}]}""",
        DatasetShape.Preference, "<s> ### Human: Hi ### Assistant:⟦ Yo</s>⟧")]
    [InlineData(
        """{"chosen":"\n\nHuman: Hi\n\nAssistant: Yo\n\nHuman: C\n\nAssistant: D","rejected":"\n\nHuman: Hi\n\nAssistant: No"}""",
        DatasetShape.Preference, "<s> ### Human: Hi ### Assistant:⟦ Yo⟧ ### Human: C ### Assistant:⟦ D</s>⟧")]
    [InlineData(
        """{"instruction":"Add.","input":"1 2","chosen":"3","rejected":"4"}""",
        DatasetShape.Preference, "<s> ### Human: Add.\n\n1 2 ### Assistant:⟦ 3</s>⟧")]
    public void Row_IsRenderedAndMasked(string row, DatasetShape shape, string expected)
    {
        var data = DataFixture.Load(_data.Write("a.jsonl", row));
        Assert.Equal(shape, data.Shape);
        Assert.Equal(expected, DataFixture.Show(data.Train[0]));
    }

    [Fact]
    public void NestedValues_AreFoundByTheirPath()
    {
        var file = _data.Write("a.jsonl", """
            {"data": {"q": "Who?", "replies": [{"text": "No one."}]}, "a.b": "dotted"}
            {"data": {"q": "Why?", "replies": [{"text": "So."}]}, "a.b": "dotted"}
            """);
        var map = new Dictionary<string, string> { ["question"] = "data.q", ["answers"] = "data.replies.0.text" };
        var data = DataFixture.Load(file, new DataOptions { ColumnMap = map });
        Assert.Equal("<s> ### Human: Why? ### Assistant:⟦ So.</s>⟧", DataFixture.Show(data.Train[1]));
        Assert.Equal(
            "<s>⟦ Who?</s>⟧",
            DataFixture.Show(DataFixture.Load(file, new DataOptions { TextField = "data.q" }).Train[0]));
        Assert.Equal(
            "<s>⟦ dotted</s>⟧",
            DataFixture.Show(DataFixture.Load(file, new DataOptions { TextField = "a.b" }).Train[0]));

        var wrong = new DataOptions { TextField = "data.replies.3.text" };
        Assert.Contains(
            "data.replies.3.text", Assert.Throws<ConfigurationException>(() => DataFixture.Load(file, wrong)).Message);
    }

    [Fact]
    public void CompletionsLabelledAsUndesirable_AreLeftOutAndCounted()
    {
        var data = DataFixture.Load(_data.Write("a.jsonl", """
            {"prompt":"2 + 2 =","completion":" 4","label":true}
            {"prompt":"2 + 2 =","completion":" 5","label":false}
            """));
        Assert.Equal("<s> 2 + 2 =⟦ 4</s>⟧", DataFixture.Show(Assert.Single(data.Train)));
        Assert.Contains(data.Warnings, warning => warning.Contains("1 row left out: labelled as undesirable"));
    }

    [Theory]
    [InlineData("{{ c.function.arguments | tojson }}", """call {"city": "Huế"}""")]
    [InlineData(
        "{% if c.function.arguments is string %}{{ c.function.arguments }}{% endif %}", """call {"city":"Huế"}""")]
    public void ToolCallsOfOpenAi_ArePrintedAsJsonOnce(string arguments, string expected)
    {
        var template = _data.Write("chat.jinja",
            "{% for t in tools or [] %}[{{ t.function.name }}]{% endfor %}{% for m in messages %}{{ m.content or '' }}"
            + "{% for c in m.tool_calls or [] %}call " + arguments + "{% endfor %};{% endfor %}");
        var data = DataFixture.Load(
            _data.Write("a.jsonl", """
                {"messages":[{"role":"user","content":"Rain?"},{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"w","arguments":"{\"city\":\"Huế\"}"}}]},{"role":"tool","tool_call_id":"1","content":"yes"},{"role":"assistant","content":"Yes."}],"tools":[{"type":"function","function":{"name":"w","parameters":{}}}]}
                """),
            new DataOptions { ChatTemplate = template });
        Assert.Equal($"<s> [w]Rain?;⟦{expected};⟧yes;⟦Yes.;</s>⟧", DataFixture.Show(data.Train[0]));
    }

    [Theory]
    [InlineData("question,answer\r\n\"a, b\",\"say \"\"hi\"\"\"\r\n")]
    [InlineData("question;answer\n\"a, b\";\"say \"\"hi\"\"\"\n")]
    [InlineData("question\tanswer\na, b\t\"say \"\"hi\"\"\"\n")]
    [InlineData("question|answer\na, b|\"say \"\"hi\"\"\"")]
    [InlineData("\uFEFFquestion,answer\n\"a, b\",\"say \"\"hi\"\"\"\n\n")]
    public void CsvOfAnyDialect_IsReadAlike(string content)
    {
        var row = Lorikeet.Data.Reading.DatasetReader.Read(_data.Write("a.csv", content), ["train"]).Single();
        Assert.Equal(("a, b", "say \"hi\""), ((string?)row.Values["question"], (string?)row.Values["answer"]));
    }

    [Fact]
    public void SquadV2_LearnsThatAQuestionHasNoAnswer()
    {
        var data = DataFixture.Load(_data.Write("a.json", """
            {"version": "v2.0", "data": [{"title": "T", "paragraphs": [{"context": "C", "qas": [
              {"id": "1", "question": "Q1", "answers": [{"text": "A", "answer_start": 0}], "is_impossible": false},
              {"id": "2", "question": "Q2", "answers": [], "plausible_answers": [{"text": "B", "answer_start": 0}], "is_impossible": true}]}]}]}
            """));
        Assert.Equal(
            [
                "<s> Context: C\nQuestion: Q1\nAnswer:⟦ A</s>⟧",
                "<s> Context: C\nQuestion: Q2\nAnswer:⟦ unanswerable</s>⟧"],
            data.Train.Select(DataFixture.Show));
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
            "<s> Below is an instruction that describes a task, paired with an input that provides further context. " +
            "Write a response that appropriately completes the request.\n\n" +
            "### Instruction:\nAdd.\n\n### Input:\n1 2\n\n### Response:\n⟦3</s>⟧",
            DataFixture.Show(data.Train[0]));
        Assert.Equal(
            "<s> Below is an instruction that describes a task. Write a response that appropriately completes the " +
            "request.\n\n" +
            "### Instruction:\nGreet.\n\n### Response:\n⟦Hi</s>⟧",
            DataFixture.Show(data.Train[1]));
        Assert.Equal(
            "<s> Be kind.\n\n### Instruction:\nA\n\n### Response:\n⟦B⟧\n\n" +
            "### Instruction:\nGreet.\n\n### Response:\n⟦Hi</s>⟧",
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
            "<s> Tools: [{\"name\":\"f\"}] ### Human: Hi ### Assistant:⟦ {\"name\":\"f\"}⟧ " +
            "### Human: 1 ### Assistant:⟦ One</s>⟧",
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
        var options = new DataOptions { Datasets = [path] };
        var data = TrainingData.Load(options, seed: 42, tokenizer: null, vocabularySize: 8);

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
        Assert.Contains(
            "question_answer: question, answers|answer|best_answer|correct_answer|answers_spans, [context|",
            fault.Message);
        Assert.Contains("column_map", fault.Message);
    }

    [Fact]
    public void ShapeThatDoesNotFit_IsRefused()
    {
        var path = _data.Write("a.jsonl", """{"text":"x"}""");
        var fault = Assert.Throws<DatasetException>(
            () => DataFixture.Load(path, new DataOptions { Shape = DatasetShape.Messages }));
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
    [InlineData("""{"messages":"hello","id":"x"}""", "column 'messages' holds \"hello\"")]
    [InlineData("""{"messages":[{"role":"user"}]}""", "a.jsonl:1: column 'messages' holds")]
    [InlineData("""{"conversations":[{"from":"alien","value":"x"}]}""", "human, gpt")]
    [InlineData("""{"input_ids":[1,2,3],"labels":[1,2]}""", "'labels' has 2 numbers and 'input_ids' 3")]
    [InlineData("""{"input_ids":[1,"x"]}""", "a list of whole numbers")]
    [InlineData("""{"input_ids":[1,99999]}""", "has the token id 99999. The model knows ids from 0 to")]
    [InlineData("""{"input_ids":[-100,2],"labels":[-100,2]}""", "has the token id -100. The model knows ids from 0 to")]
    [InlineData("""{"question":"q","answer":{"a":1}}""", "can be learned from")]
    [InlineData(
        """{"question":"Q","choices":["x","y"],"answer":"z"}""", "label, text or position of one of: A. x, B. y")]
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
