import { ipcMain, type MessagePortMain, type WebContents } from 'electron';
import type { z } from 'zod';
import {
  type NoticeChannel,
  type Notices,
  REQUEST_ARGUMENTS,
  type RequestArguments,
  type RequestChannel,
  type RequestResult,
} from './channels.ts';
import { isTrustedSender } from './sender.ts';

/** The main process's end of the channels, and the only file that touches `ipcMain`. */

export type Handlers = {
  readonly [C in RequestChannel]: (
    sender: WebContents,
    ...args: RequestArguments<C>
  ) => RequestResult<C> | Promise<RequestResult<C>>;
};

/** Answers the page's requests. One from elsewhere, or with other arguments than agreed, is rejected. */
export function handleRequests(handlers: Handlers): void {
  for (const channel of Object.keys(REQUEST_ARGUMENTS) as RequestChannel[]) handle(channel, handlers[channel]);
}

function handle<C extends RequestChannel>(channel: C, handler: Handlers[C]): void {
  ipcMain.handle(channel, (event, ...args: unknown[]) => {
    if (!isTrustedSender(event.senderFrame)) throw new Error(`${channel}: not for this sender`);
    const schema: z.ZodType<RequestArguments<C>> = REQUEST_ARGUMENTS[channel];
    const parsed = schema.safeParse(args);
    if (!parsed.success) throw new Error(`${channel}: ${parsed.error.issues[0]?.message}`);
    return handler(event.sender, ...parsed.data);
  });
}

export function notify<C extends NoticeChannel>(
  receiver: WebContents,
  channel: C,
  payload: Notices[C],
  ports: MessagePortMain[] = [],
): void {
  if (!receiver.isDestroyed()) receiver.postMessage(channel, payload, ports);
}
