// Hands the microphone's samples to the page, 4096 at a time.
class Recorder extends AudioWorkletProcessor {
  block = new Float32Array(4096);
  filled = 0;
  process(inputs) {
    const channel = inputs[0]?.[0];
    if (!channel) return true;
    for (const value of channel) {
      this.block[this.filled++] = value;
      if (this.filled === this.block.length) {
        this.port.postMessage(this.block.slice());
        this.filled = 0;
      }
    }
    return true;
  }
}
registerProcessor('recorder', Recorder);
