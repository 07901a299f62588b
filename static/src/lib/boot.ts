/** The JSON that the server put into the page under this id (json_script), or null. */
export function boot<T>(id: string): T | null {
  const script = document.getElementById(id);
  return script?.textContent ? (JSON.parse(script.textContent) as T) : null;
}
