import './styles/base.css';
import './styles/controls.css';
import { mount } from 'svelte';
import App from './App.svelte';
import { saveKept } from './pages/curate/curation.svelte';
import { startRoute } from './state/route.svelte';
import { startStudio } from './state/studio.svelte';
import { askBeforeLeaving } from './state/uploads.svelte';

startRoute();
startStudio();
askBeforeLeaving();
saveKept();
mount(App, { target: document.getElementById('app')! });
