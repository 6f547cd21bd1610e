<?php
$settings = json_decode(file_get_contents(getenv('FOLDER') . '/settings.json'), true);
$metadata[getenv('ENTITY_ID')] = ['host' => '__DEFAULT__', 'auth' => 'people'] + ($settings['idp'] ?? []);
