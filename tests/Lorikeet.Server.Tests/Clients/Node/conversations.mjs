// Conversations that npm's openai holds with the server:
//
//     node conversations.mjs NAME URL KEY
//
// Each fails by an assertion; the tests run them one by one.
import assert from 'node:assert/strict';
import OpenAI from 'openai';

const [, , name, baseURL, apiKey] = process.argv;
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const question = [{ role: 'user', content: 'What is the atomic number of terbium?' }];
const weather = {
    name: 'weather',
    description: 'The weather in a city.',
    parameters: {
        type: 'object',
        properties: { city: { type: 'string', enum: ['Hue', 'Hanoi'] } },
        required: ['city'],
        additionalProperties: false,
    },
};
const schema = {
    type: 'object',
    properties: { kind: { type: 'string', enum: ['metal', 'gas'] }, rare: { type: 'boolean' } },
    required: ['kind', 'rare'],
    additionalProperties: false,
};

const conversations = {
    async chat() {
        const whole = await client.chat.completions.create({
            model: 'facts', messages: question, max_tokens: 8, temperature: 0,
        });
        assert.equal(whole.model, 'facts');
        assert.equal(whole.choices[0].finish_reason, 'length');
        assert.equal(whole.usage.completion_tokens, 8);
        let text = '';
        let usage;
        const stream = await client.chat.completions.create({
            model: 'facts', messages: question, max_tokens: 8, temperature: 0,
            stream: true, stream_options: { include_usage: true },
        });
        for await (const chunk of stream) {
            text += chunk.choices[0]?.delta?.content ?? '';
            usage = chunk.usage ?? usage;
        }
        assert.equal(text, whole.choices[0].message.content);
        assert.deepEqual([usage.prompt_tokens, usage.completion_tokens], [whole.usage.prompt_tokens, 8]);
    },

    async turns() {
        const messages = [{ role: 'system', content: 'Be brief.' }, ...question];
        const first = await client.chat.completions.create({ model: 'nano', messages, max_tokens: 16, temperature: 0 });
        messages.push(first.choices[0].message, { role: 'user', content: [{ type: 'text', text: 'And of zinc?' }] });
        const second = await client.chat.completions.create({
            model: 'nano', messages, max_completion_tokens: 8, temperature: 0,
        });
        assert.ok(second.choices[0].message.content.length > 0);
        assert.ok(second.usage.prompt_tokens > first.usage.prompt_tokens + 16);
        assert.ok(second.usage.prompt_tokens_details.cached_tokens >= 16);
    },

    async several() {
        const ask = seed => client.chat.completions.create({
            model: 'nano', messages: question, n: 3, temperature: 1.5, seed, max_tokens: 12, presence_penalty: 0.5,
            stop: ['@@'],
        });
        const [first, again] = [await ask(7), await ask(7)];
        const texts = first.choices.map(choice => choice.message.content);
        assert.deepEqual(first.choices.map(choice => choice.index), [0, 1, 2]);
        assert.equal(new Set(texts).size, 3);
        assert.deepEqual(again.choices.map(choice => choice.message.content), texts);
    },

    async logprobs() {
        const answer = await client.chat.completions.create({
            model: 'nano', messages: question, max_tokens: 4, temperature: 0, logprobs: true, top_logprobs: 2,
        });
        const tokens = answer.choices[0].logprobs.content;
        assert.equal(tokens.length, 4);
        for (const token of tokens) {
            assert.equal(token.top_logprobs.length, 2);
            assert.equal(token.token, token.top_logprobs[0].token);
            assert.equal(Buffer.from(token.bytes).toString(), token.token);
        }
    },

    async tools() {
        const tools = [{ type: 'function', function: weather }];
        const messages = [{ role: 'user', content: 'Is it raining in Hue?' }];
        const asks = await client.chat.completions.create({
            model: 'nano', messages, tools, tool_choice: { type: 'function', function: { name: 'weather' } },
            max_tokens: 60,
        });
        assert.equal(asks.choices[0].finish_reason, 'tool_calls');
        const [call] = asks.choices[0].message.tool_calls;
        assert.equal(call.function.name, 'weather');
        assert.ok(weather.parameters.properties.city.enum.includes(JSON.parse(call.function.arguments).city));
        messages.push(asks.choices[0].message, { role: 'tool', tool_call_id: call.id, content: 'sunny' });
        const answer = await client.chat.completions.create({
            model: 'nano', messages, tools, tool_choice: 'none', max_tokens: 8,
        });
        assert.ok(answer.choices[0].message.content.length > 0);
        assert.equal(answer.choices[0].message.tool_calls, undefined);
    },

    // The client's own loop: it calls the function and asks again.
    async runner() {
        const cities = [];
        const runner = client.chat.completions.runTools({
            model: 'nano',
            messages: [{ role: 'user', content: 'Is it raining in Hue?' }],
            tools: [{
                type: 'function',
                function: {
                    ...weather,
                    parse: JSON.parse,
                    function: ({ city }) => { cities.push(city); return 'sunny'; },
                },
            }],
            tool_choice: 'required',
            stream: true,
            max_tokens: 60,
        }, { maxChatCompletions: 2 });
        await runner.done();
        assert.ok(cities.length > 0);
        assert.ok(weather.parameters.properties.city.enum.includes(cities[0]));
        assert.ok(runner.messages.some(message => message.role === 'tool' && message.content === 'sunny'));
    },

    async schema() {
        const answer = await client.chat.completions.parse({
            model: 'nano', messages: question, max_tokens: 100,
            response_format: { type: 'json_schema', json_schema: { name: 'element', strict: true, schema } },
        });
        const element = JSON.parse(answer.choices[0].message.content);
        assert.ok(schema.properties.kind.enum.includes(element.kind));
        assert.equal(typeof element.rare, 'boolean');
        assert.equal(answer.choices[0].finish_reason, 'stop');
    },

    async responses() {
        const whole = await client.responses.create({
            model: 'nano', input: 'Tell me of zinc.', max_output_tokens: 12, temperature: 0,
        });
        assert.equal(whole.status, 'incomplete');
        assert.equal(whole.incomplete_details.reason, 'max_output_tokens');
        const stream = client.responses.stream({
            model: 'nano', input: 'Tell me of zinc.', max_output_tokens: 12, temperature: 0,
        });
        let text = '';
        stream.on('response.output_text.delta', event => { text += event.delta; });
        const streamed = await stream.finalResponse();
        assert.equal(text, whole.output_text);
        assert.equal(streamed.output_text, whole.output_text);
        const next = await client.responses.create({
            model: 'nano', previous_response_id: whole.id, instructions: 'Be brief.', max_output_tokens: 8,
            input: [{ role: 'user', content: [{ type: 'input_text', text: 'And of lead?' }] }],
        });
        assert.ok(next.usage.input_tokens > whole.usage.input_tokens + 12);
        assert.equal((await client.responses.retrieve(next.id)).output_text, next.output_text);
        await client.responses.delete(next.id);
        await assert.rejects(client.responses.retrieve(next.id), OpenAI.NotFoundError);
    },

    async 'responses-tools'() {
        const tools = [{ type: 'function', strict: true, ...weather }];
        const asks = await client.responses.create({
            model: 'nano', input: 'Is it raining in Hue?', tools, tool_choice: 'required', max_output_tokens: 60,
        });
        const [call] = asks.output;
        assert.equal(call.type, 'function_call');
        assert.ok(weather.parameters.properties.city.enum.includes(JSON.parse(call.arguments).city));
        const answer = await client.responses.create({
            model: 'nano', previous_response_id: asks.id, max_output_tokens: 8,
            input: [{ type: 'function_call_output', call_id: call.call_id, output: 'sunny' }],
        });
        assert.ok(answer.output_text.length > 0);
        const parsed = await client.responses.parse({
            model: 'nano', input: 'Tell me of zinc.', max_output_tokens: 100,
            text: { format: { type: 'json_schema', name: 'element', strict: true, schema } },
        });
        assert.equal(typeof JSON.parse(parsed.output_text).rare, 'boolean');
    },

    async completions() {
        const ask = more => client.completions.create({
            model: 'nano', prompt: 'The element zinc', max_tokens: 8, temperature: 0, ...more,
        });
        const whole = await ask({ logprobs: 2, echo: true });
        assert.ok(whole.choices[0].text.startsWith('The element zinc'));
        assert.equal(whole.choices[0].logprobs.tokens.length, whole.choices[0].logprobs.token_logprobs.length);
        let text = 'The element zinc';
        for await (const chunk of await ask({ stream: true }))
            text += chunk.choices[0].text;
        assert.equal(text, whole.choices[0].text);
        const many = await ask({ prompt: ['The element zinc', 'The element lead'], n: 2 });
        assert.deepEqual(many.choices.map(choice => choice.index), [0, 1, 2, 3]);
    },

    async models() {
        const ids = [];
        for await (const model of client.models.list())
            ids.push(model.id);
        assert.deepEqual(ids, ['nano', 'facts', 'early']);
        assert.equal((await client.models.retrieve('facts')).owned_by !== undefined, true);
    },

    async cancel() {
        const stream = await client.chat.completions.create({
            model: 'nano', messages: question, max_tokens: 200, temperature: 2, stream: true,
        });
        for await (const _ of stream)
            break; // which aborts the request
        const ending = new AbortController();
        const waiting = client.chat.completions.create(
            { model: 'nano', messages: question, max_tokens: 220, temperature: 2 }, { signal: ending.signal });
        setTimeout(() => ending.abort(), 50);
        await assert.rejects(waiting, OpenAI.APIUserAbortError);
    },

    async refusals() {
        const stranger = new OpenAI({ baseURL, apiKey: 'another', maxRetries: 0 });
        await assert.rejects(stranger.models.list(), OpenAI.AuthenticationError);
        const ask = more => client.chat.completions.create({
            model: 'nano', messages: question, max_tokens: 2, ...more,
        });
        await assert.rejects(ask({ model: 'gpt' }), error =>
            error instanceof OpenAI.NotFoundError && error.code === 'model_not_found' && error.param === 'model');
        await assert.rejects(ask({ messages: [{ role: 'user', content: 'river '.repeat(400) }] }), error =>
            error instanceof OpenAI.BadRequestError && error.code === 'context_length_exceeded');
        await assert.rejects(ask({ temperature: 'hot' }), error =>
            error instanceof OpenAI.BadRequestError && error.param === 'temperature');
        await assert.rejects(client.embeddings.create({ model: 'nano', input: 'Hello' }), OpenAI.NotFoundError);
    },

    // The server decodes one request at a time here, and lets none wait.
    async busy() {
        const stream = await client.chat.completions.create({
            model: 'nano', messages: question, max_tokens: 200, temperature: 2, stream: true,
        });
        const parts = stream[Symbol.asyncIterator]();
        await parts.next();
        await assert.rejects(
            client.chat.completions.create({ model: 'nano', messages: question }), OpenAI.RateLimitError);
        await parts.return();
    },
};

assert.ok(name in conversations, `There is no conversation '${name}'.`);
await conversations[name]();
