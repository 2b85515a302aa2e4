/** The device that plays sound: a cold one swallows the first second, then plays too fast. */
export class SoundDevice {
  /** @type {AudioContext | null} */
  #context = null;

  /** Set it going with silence, within a click; without one the browser would only complain. */
  resume() {
    if (!globalThis.AudioContext || navigator.userActivation?.isActive === false) return;
    if (!this.#context) {
      this.#context = new AudioContext();
      const silence = new ConstantSourceNode(this.#context, { offset: 0 });
      silence.connect(this.#context.destination);
      silence.start();
    }
    this.#context.resume().catch(() => {});
  }

  /** Let it go. */
  close() {
    this.#context?.close().catch(() => {});
    this.#context = null;
  }
}
