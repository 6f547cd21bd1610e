<?php
// Who may sign in at the identity provider, and the service provider.
$settings = json_decode(file_get_contents(getenv('FOLDER') . '/settings.json'), true);
$config = [
    'people' => ['exampleauth:UserPass'] + ($settings['people'] ?? []),
    'default-sp' => ['saml:SP', 'entityID' => getenv('ENTITY_ID')] + ($settings['sp'] ?? []),
];
