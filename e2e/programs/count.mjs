export const count = (text) => {
  const words = text.toLowerCase().match(/\p{L}+/gu) ?? [];
  return { words: words.length, longest: words.reduce((a, b) => (b.length > a.length ? b : a), '') };
};
