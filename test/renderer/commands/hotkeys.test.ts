import { describe, expect, it } from 'vitest';
import { hotkeyLabels, type KeyPress, keepsKey, matchesHotkey } from '../../../src-renderer/commands/hotkeys.ts';

const press = (key: string, held: Partial<KeyPress> = {}): KeyPress => ({
  key,
  code: '',
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  shiftKey: false,
  ...held,
});

describe('matchesHotkey', () => {
  it('takes Mod as Control, and as Command on macOS', () => {
    expect(matchesHotkey(press('k', { ctrlKey: true }), 'Mod+K', false)).toBe(true);
    expect(matchesHotkey(press('k', { ctrlKey: true }), 'Mod+K', true)).toBe(false);
    expect(matchesHotkey(press('k', { metaKey: true }), 'Mod+K', true)).toBe(true);
  });

  it('tells letters with and without Shift apart, but not signs', () => {
    expect(matchesHotkey(press('Z', { ctrlKey: true, shiftKey: true }), 'Mod+Z', false)).toBe(false);
    expect(matchesHotkey(press('Z', { ctrlKey: true, shiftKey: true }), 'Mod+Shift+Z', false)).toBe(true);
    expect(matchesHotkey(press('?', { shiftKey: true }), '?', false)).toBe(true);
  });

  it('finds letters by their place on layouts without Latin ones', () => {
    expect(matchesHotkey(press('л', { ctrlKey: true, code: 'KeyK' }), 'Mod+K', false)).toBe(true);
  });

  it('leaves keys with Alt alone', () => {
    expect(matchesHotkey(press('t', { altKey: true }), 'T', false)).toBe(false);
    expect(matchesHotkey(press(' '), 'Space', false)).toBe(true);
  });
});

describe('keepsKey', () => {
  /** An element known by which kind of selector finds it. */
  const element = (kind: string, inside = '') => ({
    matches: (selector: string) => selector.split(', ').some((part) => part.startsWith(kind)),
    closest: (selector: string) => (inside !== '' && selector.includes(inside) ? {} : null),
  });

  it('leaves text fields their keys, except for hotkeys meant for them', () => {
    expect(keepsKey(element('textarea'), 'T', false)).toBe(true);
    expect(keepsKey(element('textarea'), 'Mod+K', true)).toBe(false);
  });

  it('leaves a focused button its Space only', () => {
    expect(keepsKey(element('button'), 'Space', false)).toBe(true);
    expect(keepsKey(element('button'), 'T', false)).toBe(false);
    expect(keepsKey(element('input[type=checkbox]'), 'Space', false)).toBe(true);
    expect(keepsKey(element('input[type=checkbox]'), 'T', false)).toBe(false);
  });

  it('leaves open dialogs and menus their keys', () => {
    expect(keepsKey(element('div', '[role=dialog]'), '.', false)).toBe(true);
  });
});

it('shows keys as people know them', () => {
  expect(hotkeyLabels('Mod+Shift+P', false)).toEqual(['Ctrl', 'Shift', 'P']);
  expect(hotkeyLabels('Mod+Shift+P', true)).toEqual(['⌘', '⇧', 'P']);
});
