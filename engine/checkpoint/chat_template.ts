import { existsSync } from 'node:fs';
import path from 'node:path';
import { EngineRefusal } from '../api.ts';
import { BoundedTemplate } from './bounded_template.ts';
import { readJsonObject, readText } from './files.ts';
import { MOST_TOKENIZER_BYTES, readTokenizerConfig, TOKENIZER_CONFIG_NAME, tokenText } from './tokenizer.ts';

const TEMPLATE_NAME = 'chat_template.jinja';
const SPECIAL_NAME = 'special_tokens_map.json';
/** Those of released models have up to 20 KB. */
const MOST_TEMPLATE_BYTES = 2 ** 18;
/** Of a list of templates, the one for plain conversation. */
const DEFAULT_NAME = 'default';
/** Templates name these, and no others, without being given them. */
const SPECIAL_TOKENS = ['bos_token', 'eos_token', 'unk_token', 'pad_token'];

/** How a model was taught to read a conversation: text around each message, and before an answer. */
export interface ChatTemplate {
  /**
   * One message of a user, up to where the model's answer begins. The text has every special token in it.
   * @throws EngineRefusal in one sentence, whatever the template does
   */
  render(message: string): string;
}

/** Whether the folder has a template, good or bad: a bad one refuses chats, not the model. */
export function hasChatTemplate(folder: string): boolean {
  return existsSync(path.join(folder, TEMPLATE_NAME)) || (readTokenizerConfig(folder).chat_template ?? null) !== null;
}

/**
 * chat_template.jinja where it is there, otherwise `chat_template` of tokenizer_config.json: text, or a list of named ones.
 * @throws EngineRefusal where the folder has neither, or one that cannot be parsed
 */
export function readChatTemplate(folder: string): ChatTemplate {
  const file = path.join(folder, TEMPLATE_NAME);
  const config = readTokenizerConfig(folder);
  if (existsSync(file)) return open(TEMPLATE_NAME, readText(file, MOST_TEMPLATE_BYTES), specialTokens(folder, config));
  const { chat_template: template } = config;
  if (template !== undefined && template !== null)
    return open(`${TOKENIZER_CONFIG_NAME}: chat_template`, oneOf(template), specialTokens(folder, config));
  throw new EngineRefusal(
    `chat: ${path.basename(path.resolve(folder))} has no chat template; leave chat off, or take a model made for conversation.`,
  );
}

function open(name: string, source: string, tokens: Readonly<Record<string, string>>): ChatTemplate {
  const refuse = (error: unknown): never => {
    const reason = String((error as Error).message)
      .replace(/\s+/g, ' ')
      .slice(0, 200);
    throw new EngineRefusal(
      `${name}: the chat template cannot be used (${reason}); correct it, or run without --chat.`,
    );
  };
  let template: BoundedTemplate;
  try {
    template = new BoundedTemplate(source);
  } catch (error) {
    return refuse(error);
  }
  return {
    render(message) {
      const messages = [{ role: 'user', content: message }];
      try {
        return template.render({ ...tokens, messages, add_generation_prompt: true });
      } catch (error) {
        return refuse(error);
      }
    },
  };
}

function oneOf(template: unknown): string {
  const named = Array.isArray(template)
    ? template.find((entry) => (entry as { name?: unknown } | null)?.name === DEFAULT_NAME)
    : undefined;
  const text: unknown = named === undefined ? template : (named as { template?: unknown }).template;
  if (typeof text === 'string' && text.length <= MOST_TEMPLATE_BYTES) return text;
  throw new EngineRefusal(
    typeof text === 'string'
      ? `${TOKENIZER_CONFIG_NAME}: chat_template has ${text.length} characters where ${MOST_TEMPLATE_BYTES} are the most; fetch the file again.`
      : `${TOKENIZER_CONFIG_NAME}: chat_template is neither text nor a list with one named "${DEFAULT_NAME}"; fetch the file again.`,
  );
}

/** By name; older files have them in a map of their own, each as text or as an object with its content. */
function specialTokens(folder: string, config: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> {
  const file = path.join(folder, SPECIAL_NAME);
  const map = existsSync(file) ? readJsonObject(file, MOST_TOKENIZER_BYTES) : {};
  const found: Record<string, string> = {};
  for (const name of SPECIAL_TOKENS) {
    const content = tokenText(config[name]) ?? tokenText(map[name]);
    if (content !== undefined) found[name] = content;
  }
  return found;
}
