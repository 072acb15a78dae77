// Jobs whose failure is told where somebody looks: it is not told at the edge of the page as well.
const tellers = new Map<string, number>();

/** Whoever shows how the job ends; returns what takes that back. */
export function tells(job: string): () => void {
  tellers.set(job, (tellers.get(job) ?? 0) + 1);
  return () => {
    const left = (tellers.get(job) ?? 0) - 1;
    if (left > 0) tellers.set(job, left);
    else tellers.delete(job);
  };
}

export const isTold = (job: string): boolean => tellers.has(job);
