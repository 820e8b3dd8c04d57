/** The first piece of ONNX Runtime's pool for activations, from a session's first run on; one whose activations fit asks for no other. */
export const POOL_BYTES = 1 << 20;

/** What a session holds on the card beside its weights: that, and work space of two cuBLAS handles (see obstacle.ts). */
export const SESSION_BYTES = POOL_BYTES + 2 * 8 * 16 * 1024;
