export async function runMutants() {
  return 2;
}
