import { Dialog } from '@base-ui/react/dialog';
import { useState } from 'react';
import { useStudio } from './context.tsx';

/** In a browser there is no folder dialog of the server's machine: the path is typed. */
export function ModelPathDialog() {
  const { actions } = useStudio();
  const [path, setPath] = useState('');
  const [error, setError] = useState<string>();
  const [busy, setBusy] = useState(false);
  const open = async () => {
    setBusy(true);
    setError(undefined);
    try {
      // Goes on with the dialog that tells what fits.
      await actions.openModel(path.trim());
    } catch (failure) {
      setError(failure instanceof Error ? failure.message : String(failure));
    } finally {
      setBusy(false);
    }
  };
  return (
    <form
      className="dialog-body"
      onSubmit={(event) => {
        event.preventDefault();
        if (path.trim() !== '') void open();
      }}
    >
      <Dialog.Title className="dialog-title">Open a model folder</Dialog.Title>
      <label className="own-text">
        <span className="dim">Path on the machine where the engine runs</span>
        <input
          className="text-input mono"
          value={path}
          placeholder="/models/OLMoE-1B-7B"
          spellCheck={false}
          aria-invalid={error !== undefined}
          aria-describedby="model-path-error"
          onChange={(event) => setPath(event.target.value)}
        />
        <span id="model-path-error" className={error === undefined ? 'hint' : 'bad'}>
          {error ?? 'The folder with config.json, tokenizer.json and the safetensors files'}
        </span>
      </label>
      <div className="dialog-buttons">
        <Dialog.Close className="button">Cancel</Dialog.Close>
        <button type="submit" className="button button-main" disabled={busy || path.trim() === ''}>
          {busy ? 'Reading…' : 'Open…'}
        </button>
      </div>
    </form>
  );
}
