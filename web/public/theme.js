// Before the first paint: the theme that was chosen. A file of its own, since the policy allows no inline scripts.
try {
  const theme = localStorage.getItem('testudo.theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch {}
