<?php
// The identity providers whose metadata is in the folder, with what settings.json adds for all of them.
$settings = json_decode(file_get_contents(getenv('FOLDER') . '/settings.json'), true);
foreach (glob(getenv('FOLDER') . '/remote/*.xml') as $file) {
    foreach (SimpleSAML\Metadata\SAMLParser::parseDescriptorsFile($file) as $name => $entity) {
        $parsed = $entity->getMetadata20IdP();
        if ($parsed !== null) $metadata[$name] = ($settings['remote'] ?? []) + $parsed;
    }
}
