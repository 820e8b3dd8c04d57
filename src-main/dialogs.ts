import path from 'node:path';
import { BrowserWindow, dialog, type WebContents } from 'electron';
import { writeFileAtomic } from './atomic_file.ts';
import type { JsonFile } from './json_file.ts';
import type { Preferences } from './preferences.ts';

/** The dialogs that a page may ask for. Each remembers where the person was last time. */

export async function chooseModelFolder(
  sender: WebContents,
  preferences: JsonFile<Preferences>,
): Promise<string | undefined> {
  const { filePaths } = await dialog.showOpenDialog(windowOf(sender), {
    title: 'Open a model folder',
    buttonLabel: 'Open',
    defaultPath: preferences.value.modelFolder,
    properties: ['openDirectory'],
  });
  const [folder] = filePaths;
  // The folder above: the next model is most likely its neighbour.
  if (folder !== undefined) await preferences.set({ ...preferences.value, modelFolder: path.dirname(folder) });
  return folder;
}

/** A recorded run or a routing trace. The engine says what is wrong with a file: endings differ too much to filter by. */
export async function chooseLabFile(
  sender: WebContents,
  preferences: JsonFile<Preferences>,
): Promise<string | undefined> {
  const { filePaths } = await dialog.showOpenDialog(windowOf(sender), {
    title: 'Open a recorded run or a routing trace',
    buttonLabel: 'Open',
    defaultPath: preferences.value.labFolder,
    properties: ['openFile'],
  });
  const [file] = filePaths;
  if (file !== undefined) await preferences.set({ ...preferences.value, labFolder: path.dirname(file) });
  return file;
}

export async function saveReport(
  sender: WebContents,
  preferences: JsonFile<Preferences>,
  fileName: string,
  content: string,
): Promise<string | undefined> {
  const { filePath } = await dialog.showSaveDialog(windowOf(sender), {
    title: 'Save the report',
    defaultPath: path.join(preferences.value.reportFolder ?? '', fileName),
    filters: [{ name: 'Report', extensions: [path.extname(fileName).slice(1)] }],
  });
  // Electron 22 gives undefined where later versions give an empty text.
  if (!filePath) return undefined;
  await writeFileAtomic(filePath, content);
  await preferences.set({ ...preferences.value, reportFolder: path.dirname(filePath) });
  return filePath;
}

function windowOf(sender: WebContents): BrowserWindow {
  const window = BrowserWindow.fromWebContents(sender);
  if (window === null) throw new Error('The window was closed.');
  return window;
}
